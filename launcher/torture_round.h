/* One round of a torture run: clients at work, faults, all mended, every tree read, and a verdict. */
#ifndef LAUNCHER_TORTURE_ROUND_H
#define LAUNCHER_TORTURE_ROUND_H

#include <signal.h>

#include "launcher/cluster.h"
#include "launcher/history.h"
#include "launcher/torture_faults.h"
#include "launcher/torture_report.h"
#include "launcher/verdict.h"

/* Everything borrowed. */
struct round_config {
    const struct cluster *cluster;
    const struct fault_choice *faults;
    const char *connect;      /* "127.0.0.1:2182,..." */
    const char *const *hosts; /* each member's, and its id */
    const int *members;
    size_t n;
    uint64_t seed;
    int64_t seconds; /* how long faults are made */
    size_t clients;
    int rate; /* operations a second */
    bool guest;                       /* others keep data there, which are not looked at; ours are removed in the end */
    const struct tally *before;       /* the rounds before it, for what is shown while it lasts; NULL: nothing is shown */
    volatile sig_atomic_t *interrupts; /* one ends the faults, a second one the round */
};

struct round {
    struct history history;
    struct verdict verdict;
    bool judged;
    char *why_not;               /* when it is not judged */
    int64_t began_us, ended_us; /* between them faults were made */
};

void round_run(struct round *r, const struct round_config *c);
void round_free(struct round *r);

/* Its clients' sessions are over by then; removes what they wrote. */
void round_remove_data(const struct round *r, const struct round_config *c);

#endif
