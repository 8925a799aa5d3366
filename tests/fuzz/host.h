/* One core and what it takes to carry its updates out, for the fuzzers: links that are open or not, a disk that obeys.
 * It insists on what a shell may rely on: whole and well-formed frames, nothing for who was closed, tickets that grow. */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#include "request/core.h"
#include "tests/fuzz/fuzz.h"

enum { HOST_CLIENTS = 4, HOST_LEARNERS = 4, HOST_MEMBERS = 5 };

struct host_client {
    bool open, greeted;
    int64_t session; /* as last told */
    int32_t xid;
};

struct host {
    struct core *core;
    struct update u;
    int64_t now_us;
    uint64_t ticket, persisted;
    bool stopped; /* it asked to be stopped */
    /* the snapshot writer */
    bool snap_wants, snap_ended;
    int64_t snap_zxid;
    struct host_client clients[HOST_CLIENTS];
    bool learners[HOST_LEARNERS];
    bool election[HOST_MEMBERS + 1]; /* by sid */
    bool leader_up;                  /* LINK_LEADER */
    int64_t leader;                  /* whom it is to, once it was asked for; 0 for none */
    int64_t newest;                  /* zxid of the newest record in the log */
    int64_t offered;                 /* epoch of the last LEADERINFO sent */
    struct {                         /* the last packet that asked the leader for something */
        int32_t packet, cxid, type;
        int64_t session;
    } asked;
    int leader_opened;               /* how often LINK_LEADER was asked for */
};

void host_new(struct host *h, const struct core_config *config);
void host_free(struct host *h);

/* Steps; the event's times are filled in. Nothing happens once it is stopped. */
void host_step(struct host *h, struct event e);
/* Carries the update out and clears it. */
void host_carry_out(struct host *h);

/* The same with a frame in memory of its own, and carried out at once unless told otherwise. */
void host_frame(struct host *h, enum link_kind kind, int64_t id, struct slice frame, bool carry_out);
void host_up(struct host *h, enum link_kind kind, int64_t id);
void host_down(struct host *h, enum link_kind kind, int64_t id, enum reason reason);
void host_start(struct host *h);
/* Lets time pass, and says so if a deadline passed. */
void host_time(struct host *h, int64_t us);
/* All that was handed over is durable; the snapshot writer goes on by a step. */
void host_disk(struct host *h);

/* An election message from a member about the present round: its vote for a leader, with our own zxid and epoch. */
void host_vote(struct host *h, int64_t from, enum peer_state state, int64_t leader);

/* One action of a client, as the script says: connects, asks, is lost. */
void host_client(struct host *h, struct script *s, bool carry_out);

/* Three voters 1 to 3 and an observer 4; self is one of them, 0 for a standalone server. Borrowed for ever. */
const struct core_config *host_config(int64_t self);

#endif
