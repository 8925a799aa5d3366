/* The line of each znode's known writes and deletes, in zxid order, put together from a history. Pure. */
#ifndef LAUNCHER_VERDICT_LINES_H
#define LAUNCHER_VERDICT_LINES_H

#include "base/map.h"
#include "launcher/verdict.h"

/* A create or set whose zxid is known. */
struct known {
    int64_t zxid;
    size_t op;
    const struct history_part *part;
};

/* A delete. It happened at a zxid in (after, until]; until is INT64_MAX when nobody knows whether it happened. */
struct removal {
    int64_t after, until;
    size_t op;
    bool sure;
};

struct line {
    struct line *next; /* of the same hash */
    char *path;        /* owned */
    struct known *writes;
    size_t n_writes;
    struct removal *removals;
    size_t n_removals;
    size_t open_sets, open_creates; /* that may or may not have happened, and were never seen */
    size_t open_sequential;         /* below it */
    struct line *parent;            /* NULL: outside what the workload wrote */
    struct line **children;
    size_t n_children, children_room;
    size_t stamp;
};

/* Who wrote a value. */
struct writer {
    size_t op, part;
    const char *at; /* where it was seen or made */
};

struct lines {
    const struct history *h;
    struct map by_path, by_value;
    struct writer *writers;
    size_t n_writers;
    int64_t *exact;  /* of each op, 0: unknown */
    int64_t *floors; /* after each answer: the highest zxid that anyone had been told */
    int64_t *alive;  /* of each session: the highest zxid that it was answered at */
};

/* Violations that show while putting together go to v. */
struct lines *lines_new(const struct history *h, struct verdict *v);
void lines_free(struct lines *l);

/* The highest zxid that anybody had been told before this order number. */
int64_t lines_floor(const struct lines *l, int64_t tick);
/* NULL when nobody wrote there. */
struct line *lines_find(const struct lines *l, const char *path);
/* How many of the line's writes have a zxid up to this. */
size_t line_upto(const struct line *line, int64_t zxid);
bool part_is_ephemeral(const struct history_part *p);
bool part_is_sequential(const struct history_part *p);

#endif
