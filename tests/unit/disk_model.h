/* A book of what was done to one folder's files, and what a loss of power would have left of them at any point.
 *
 * The rules are POSIX's, at their worst: what was written is there for sure only after a sync of the file, and a new, renamed or
 * removed name only after a sync of the folder. Names change in order; writes reach the disk in any order, by sectors of 512 bytes. */
#ifndef UNIT_DISK_MODEL_H
#define UNIT_DISK_MODEL_H

#include "base/rnd.h"
#include "store/vfs_fault.h"

/* A step of the disk, or a note in between. */
struct journal_step {
    bool note;
    int what;       /* enum fault_op, or the note's */
    char *name, *to; /* without the folder */
    uint8_t *data;
    size_t len;
    int64_t at;      /* as in struct fault_step, or the note's value */
};

struct journal {
    struct journal_step *steps;
    size_t n, cap;
};

/* An observer for struct fault_plan; arg is the journal. Any thread. */
void journal_observe(void *arg, const struct fault_step *step);
void journal_note(struct journal *j, int what, int64_t value);
/* How many steps there are by now, while other threads add more. */
size_t journal_length(const struct journal *j);
void journal_free(struct journal *j);

struct disk_model;
struct disk_model *model_new(void);
/* Begins with what is in the folder, all of it synced. */
struct disk_model *model_of(const char *folder);
void model_free(struct disk_model *m);
void model_apply(struct disk_model *m, const struct journal_step *step);

/* What the loss of power takes of what was not synced. */
enum loss {
    LOSS_ALL,  /* everything */
    LOSS_DATA, /* the content; names had reached the disk */
    LOSS_TORN, /* nothing but an end of the last write */
    LOSS_SOME, /* some of the last name changes and any sectors */
    LOSSES,
    LOSS_NONE = LOSSES /* the power stays: what a killed process leaves */
};
/* Makes folder what the disk would hold; removes the files that are there first. */
void model_lose_power(const struct disk_model *m, enum loss loss, struct rnd *rnd, const char *folder);

#endif
