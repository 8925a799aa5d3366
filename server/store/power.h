/* What a loss of power would take: the book of what is written and not synced, and the loss itself, in a real process.
 *
 * The rules are POSIX's, at their worst: what was written is there for sure only after a sync of the file, and a new, renamed or
 * removed name only after a sync of the folder. The book keeps what each such write and change replaced; losing power puts it back,
 * newest first, and ends the process. What was there when the book was begun counts as synced.
 *
 * Only vfs_fault.c and dir.c write in it. Without power_watch() there is no book, and every call returns at once. */
#ifndef STORE_POWER_H
#define STORE_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins the book. Once for all, before there are threads. */
void power_watch(void);
bool power_watched(void);

/* What was lost. */
struct power_loss {
    size_t writes, names; /* writes undone, and changes of names */
    uint64_t bytes;       /* of the writes, as they were asked for */
    char torn[64];        /* the file whose last write was torn, without its folder; "" for none */
    size_t kept, of;      /* so many bytes of that write are there */
};

/* Stops the disk, as it is between two operations, and makes the files what they would be after a loss of power: all that was not
 * synced is gone, but for a beginning of the very last write, which ends at a sector's end. The file operations of other threads
 * wait from then on and for ever, so that the caller has to end the process. */
void power_lose(uint64_t seed, struct power_loss *loss);

/* --- for those who touch the disk --- */

/* Around each operation but syncs, which take long: a sync is none until power_synced() says so. */
void power_enter(void);
void power_leave(void);

/* The name under which a file is known here, to be freed; NULL without a book or for a file without name. */
char *power_path(const char *path);

/* A file's content at the moment. */
struct power_content {
    void *arg;
    int64_t (*size)(void *arg);
    bool (*read)(void *arg, uint8_t *to, size_t len, int64_t at);
};

/* These want a name of power_path(). One thread writes a file at a time. About to happen: */
void power_writes(const char *path, int64_t at, size_t len, const struct power_content *now);
void power_truncates(const char *path, int64_t size, const struct power_content *now);
/* Has happened: */
void power_synced(const char *path);
void power_created(const char *path);

/* These take any name. About to happen: what has this name is kept until its folder is synced. A descriptor for the calls below,
 * which take it over; -1 for none. */
int power_keep(const char *path);
/* Have happened. */
void power_deleted(const char *path, int kept);
void power_renamed(const char *from, const char *to, int kept);
/* The folder that has this entry. */
void power_dir_synced(const char *entry);

#endif
