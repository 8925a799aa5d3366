/* A few cores and the messages between them: links are FIFO, and everything under way arrives before time goes on. */
#ifndef LIB_CORE_ENSEMBLE_H
#define LIB_CORE_ENSEMBLE_H

#include "tests/lib/core_client.h"

enum { ENSEMBLE_MAX = 5 };

/* Server i has sid i + 1 here and everywhere below. */
struct ensemble {
    int n;
    struct driver server[ENSEMBLE_MAX];
    bool alive[ENSEMBLE_MAX];
    bool cut[ENSEMBLE_MAX][ENSEMBLE_MAX]; /* nothing passes, either way; links that lost something end when it heals */
    bool channel[ENSEMBLE_MAX][ENSEMBLE_MAX];    /* election */
    int64_t upstream[ENSEMBLE_MAX];              /* the sid of the leader that this one is connected to, 0 for none */
    bool downstream[ENSEMBLE_MAX][ENSEMBLE_MAX]; /* [leader][learner]: the same as the leader sees it */
    /* The digest of the data at each zxid that some server stood at: all must agree. */
    struct {
        int64_t zxid;
        uint64_t digest;
    } * seen;
    size_t n_seen, cap_seen;
    int64_t epoch_leader[64]; /* sid of who served as leader, by epoch */
};

/* Not booted yet: a test may load histories. */
void ensemble_new(struct ensemble *e, int n);
void ensemble_free(struct ensemble *e);
/* Delivers until nothing is under way. After each event it is checked that at most one server leads an epoch, and that
 * servers at the same zxid have the same data. */
void ensemble_settle(struct ensemble *e);
/* Settles, lets time pass in small steps, settling after each. */
void ensemble_time(struct ensemble *e, int64_t us);

/* Its links are reset, everything that was not durable is lost. */
void ensemble_kill(struct ensemble *e, int64_t sid);
void ensemble_revive(struct ensemble *e, int64_t sid);
/* Cut off from all others, or joined again. */
void ensemble_isolate(struct ensemble *e, int64_t sid, bool cut);

struct driver *ensemble_server(struct ensemble *e, int64_t sid);
/* The sid of the serving leader of the highest epoch, 0 for none. */
int64_t ensemble_leader(struct ensemble *e);

#endif
