/* A disk that fails on demand: a thin SQLite VFS over the default one, and the same faults for the file operations outside SQLite.
 * Not there unless installed: by tests, and by a server that has a supervisor. One for the process. */
#ifndef STORE_VFS_FAULT_H
#define STORE_VFS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_op {
    FAULT_CREATE,   /* a file that was not there is opened */
    FAULT_WRITE,
    FAULT_TRUNCATE,
    FAULT_SYNC,     /* of a file's content */
    FAULT_DELETE,
    FAULT_RENAME,
    FAULT_SYNC_DIR, /* of a folder's entries */
    FAULT_OPS
};

/* What just happened to the disk, for who keeps book. path, to and data are borrowed for the call. */
struct fault_step {
    enum fault_op op;
    const char *path;
    const char *to;      /* RENAME: the new name */
    const uint8_t *data; /* WRITE */
    size_t len;          /* WRITE */
    int64_t at;          /* WRITE: the offset; TRUNCATE: the new size */
};

/* Zero-initialised with room = -1 is a disk without fault. */
struct fault_plan {
    int64_t fail_at[FAULT_OPS]; /* the n-th operation of the kind from now on, and all after it, fail with EIO; 0: none does */
    bool fail_once;             /* only the n-th fails */
    int64_t room;               /* so many bytes may still be written, then the disk is full; -1: it never is */
    int32_t sync_ms;            /* every sync takes that much longer */
    bool no_sync;               /* syncs are told to the observer only: fast tests */
    /* Called after each step, from the thread that did it, never from two at once. It must not use the store. NULL: nobody. */
    void (*observe)(void *arg, const struct fault_step *step);
    void *arg;
};

/* Puts the VFS under every database opened from now on. Once for all; false when SQLite refuses. */
bool fault_install(void);
/* The VFS's name, NULL when it is not installed. */
const char *fault_vfs(void);
/* Replaces the plan; counts start again. Any thread. */
void fault_set(const struct fault_plan *plan);

/* --- for the file operations outside SQLite --- */

/* To be called before one; 0, or the errno to fail with (errno is set to it). */
int fault_before(enum fault_op op, size_t len);
/* To be called after one that went well. */
void fault_after(const struct fault_step *step);
/* Whether a sync is to reach the system. */
bool fault_syncs(void);

#endif
