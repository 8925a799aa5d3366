/* Simulated clients: sessions over real client frames, with requests by chance, and judges of every reply they get. */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "tests/sim/sim_timer.h"

struct world;
struct server;
struct sim_client;
struct end;

enum { SUBS_MAX = 3, PATH_SIZE = 64, DATA_SIZE = 32, WINDOW_MAX = 32, WATCHES_MAX = 64, RECENT_MAX = 16 };

/* A single operation, or one part of a multi. */
struct sub {
    int32_t type; /* opcode */
    int32_t version, flags;
    char path[PATH_SIZE], data[DATA_SIZE];
};

/* A request as it was sent. */
struct op {
    int32_t xid, type;
    bool watch;
    int n_subs;
    struct sub subs[SUBS_MAX];
    int64_t invoked_at;
    int64_t floor; /* the highest zxid that anyone had an acknowledgement of when this was sent */
    bool was_calm; /* no fault lingered when it was sent */
};

enum watch_kind { WATCHES_DATA, WATCHES_EXIST, WATCHES_CHILD };

struct sim_client_watch {
    char path[PATH_SIZE];
    enum watch_kind kind;
    int64_t since; /* the path as of this zxid is what the client knows */
    bool armed;    /* false: left from a former connection, SET_WATCHES is on its way */
};

enum sim_client_state { CLIENT_IDLE, CLIENT_CONNECTING, CLIENT_HANDSHAKE, CLIENT_READY, CLIENT_STOPPED };

struct sim_client {
    struct world *world;
    int index;
    enum sim_client_state state;
    struct end *end;
    struct server *server; /* to whom it is or gets connected */
    int64_t session, last_zxid;
    uint8_t passwd[16];
    int32_t timeout_ms, next_xid;
    int serial;     /* of its data */
    bool content;   /* reading will do, it says */
    bool read_only; /* it got a server that does no more */
    bool quiet;     /* makes no requests of its own, only pings */
    bool closing;   /* closeSession is on its way */
    bool leaving;   /* it is to be the last */
    bool scripted;  /* a scenario says what it does and where it connects */
    int64_t heard_at, sent_at, state_at;
    struct op ops[WINDOW_MAX]; /* asked and not answered: a ring, the oldest at first_op */
    int first_op, n_ops;
    struct bytes frame; /* reused */
    int pings;
    struct sim_client_watch watches[WATCHES_MAX];
    int n_watches;
    bool rearming;                      /* SET_WATCHES is on its way */
    char recent[RECENT_MAX][PATH_SIZE]; /* paths it made */
    int n_recent;
    struct timer act, alive, roam;
    int64_t expired_sessions;
};

struct sim_client *sim_client_new(struct world *w, int index);
void sim_client_free(struct sim_client *c);
void sim_client_start(struct sim_client *c);
int sim_client_host(const struct sim_client *c);

/* How a client ends: it closes its session in an orderly way, or is never heard of again. */
void sim_client_close(struct sim_client *c);
void sim_client_vanish(struct sim_client *c);

/* Sends one request of this description (xid and floor are filled in). False when it is not connected or its window is
 * full. */
bool sim_client_request(struct sim_client *c, struct op op);
void sim_client_connect(struct sim_client *c, struct server *s);

/* From the link. */
void sim_client_up(struct sim_client *c);
void sim_client_down(struct sim_client *c);
void sim_client_frame(struct sim_client *c, struct slice frame);
void clients_wake(struct world *w);

#endif
