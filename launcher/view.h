/* What the supervisor knows of each server, folded from the facts that it sends. Pure. */
#ifndef LAUNCHER_VIEW_H
#define LAUNCHER_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum role { ROLE_NONE, ROLE_LOOKING, ROLE_FOLLOWER, ROLE_LEADER, ROLE_OBSERVER, ROLE_STANDALONE };

const char *role_name(enum role r); /* "-", "looking", ... */
/* ROLE_NONE when there is none of that name. */
enum role role_parse(const char *name);

/* Zero-initialised is a server of which nothing is known. Counters are -1 until a status came. */
struct view {
    enum role role;
    bool ready;          /* it listens */
    char admin[128], metrics[128]; /* URLs of its pages; "" for none */
    char engine[16], version[64];  /* of one that somebody else runs; "" when it is not known */
    bool serving;        /* it takes clients' requests */
    bool read_only;      /* it looks for a leader, and meanwhile takes reads from clients that are content with them */
    int64_t epoch, zxid; /* zxid: the highest it has spoken of */
    int64_t leader;      /* its leader's id, or -1 */
    int64_t connections, sessions, znodes, outstanding;
    int64_t requests, latency_us, latency_max_us; /* answered so far, how long they took in all, and the slowest */
    int64_t status_id; /* of the last status answered */
    int64_t answered;  /* the last order */
    int64_t at_us;     /* of the last fact */
};

/* Forgets what a process's end makes untrue: all but epoch and zxid. */
void view_reset(struct view *v);

/* Takes one line that a server sent. False when it is not a fact. alone: it is the only server, without an ensemble. */
bool view_take(struct view *v, const json_t *fact, bool alone);

/* A number from a fact: plain, or "0x..." as zxids are written. missing when it has none. */
int64_t fact_number(const json_t *fact, const char *key, int64_t missing);
/* A text from a fact; "" when it has none. */
const char *fact_string(const json_t *fact, const char *key);

#endif
