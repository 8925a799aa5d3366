/* What operators' words and pages are made of: everything that can be looked at, and the little that they change. */
#ifndef SERVER_PANEL_H
#define SERVER_PANEL_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "net/net.h"
#include "store/store.h"

/* Apache's name for what is not traced here: a number that operators may set and read. */
enum { TRACE_MASK_USUAL = 306 };

struct panel {
    /* borrowed */
    const struct conf *conf;
    struct core *core;
    const struct net *net;
    struct loop *loop;   /* NULL: nothing is known of its turns */
    struct store *store; /* NULL: nothing is known of the disk */
    int64_t started_us;
    int64_t leading_us; /* since when it leads; 0 when it does not */
    int64_t received, sent; /* four-letter words, since the figures were last reset: Apache counts them as packets, too */
    int64_t trace_mask;
    int64_t snapshot_zxid, snapshot_s; /* the newest snapshot since the start and when it was done (Unix); -1 for none */
};

/* The figures that srvr and its kin show. */
struct figures {
    struct core_status s;
    const char *mode;          /* standalone, leader, follower, observer, read-only */
    int64_t received, sent;    /* with the words' own */
    int64_t connections;
    double latency_avg_ms;     /* rounded to four decimals, as Apache rounds */
};
void panel_figures(const struct panel *v, struct figures *f);

/* Forgets the server's figures (srst), or those of each connection (crst). */
void panel_reset(struct panel *v);
void panel_reset_connections(struct panel *v);

/* "leading - broadcast" */
void panel_peer_state(const struct panel *v, const struct core_status *s, struct bytes *b);
/* Whether it shows what only members of an ensemble have: not while it is read-only, when Apache's is another kind of server. */
bool panel_shows_ensemble(const struct core_status *s);
const char *panel_zab_state(const struct core_status *s);

/* --- the machine and the process --- */

int64_t dir_size(const char *path);
int64_t files_open(void); /* -1 when that cannot be told, as below */
int64_t files_max(void);
/* Appends a folder's full path, or the path itself when there is none. */
void put_full_path(struct bytes *b, const char *path);
/* The lines of envi: calls fn for each, in Apache's order. */
void environment_each(void (*fn)(void *arg, const char *key, const char *value), void *arg);

/* --- how things are written --- */

/* An average in ms, as Java prints a double that was rounded to 4 decimals: "0.0", "0.3333", "12.5", "1.0E-4". */
void put_average(struct bytes *b, int64_t total_us, int64_t count);
/* A Java Date: "Fri Nov 20 16:36:05 UTC 2026". */
void put_date(struct bytes *b, int64_t wall_ms);
/* What a request is called in cons: "GETD"; "NA" for 0. */
const char *op_name(int32_t type);

#endif
