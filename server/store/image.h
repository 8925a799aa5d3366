/* A whole state put in the place of what a stopped server keeps: written once, installed in any number of servers. */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include "store/store.h"

/* Writes the snapshot at zxid into the folder dir, complete and durable on return. more appends whole elements (wire/snap_stream.h)
 * and returns false with the last. -1 with a line in error. */
typedef bool image_more_fn(void *arg, struct bytes *b);
int image_write(const char *dir, int64_t zxid, image_more_fn *more, void *arg, char error[STORE_ERROR_MAX]);

struct image {
    const char *dir;     /* where image_write() wrote; NULL: a state without znodes of anybody's */
    int64_t zxid;        /* of the snapshot there */
    struct slice record; /* the transaction that the log begins with */
    int64_t record_zxid;
    int64_t epoch;   /* accepted and current */
    const char *log; /* where image_log() wrote */
};

/* Makes image->log, a log.db for all servers that get the image. -1 with a line in error. */
int image_log(const struct image *image, char error[STORE_ERROR_MAX]);
/* Removes a server's log and snapshots and puts the image there; another program's files in the folders stay. Refused while a server has
 * them. -1 with a line in error; then the folders may hold parts of both, and the call is to be repeated. */
int image_place(const struct image *image, const char *data_dir, const char *log_dir, char error[STORE_ERROR_MAX]);
/* Forces to disk what image_place() did: cheaper for several servers when all have theirs. -1 with a line in error. */
int image_sync(const char *data_dir, const char *log_dir, char error[STORE_ERROR_MAX]);

#endif
