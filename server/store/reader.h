/* Reading a server's files from outside of it, whether it runs or not: nothing is written, and nobody has to wait. What is read is
 * the state of one moment, that of reader_open() or of the last reader_refresh(). */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/store.h"

struct store_reader;

/* How far the files reach. */
struct store_extent {
    int64_t base;      /* the log has every record above it */
    int64_t oldest;    /* the earliest state that can be rebuilt: base when the log begins at the beginning, else a snapshot's */
    int64_t last;      /* the newest state: of the last record or of a newer snapshot; 0: nothing was ever written */
    int64_t committed; /* known to be committed; what is above it may yet be taken back */
    int64_t accepted_epoch, current_epoch; /* -1: never stored */
};

/* Folders without a log.db are those of a server that never ran: an empty extent. changes: reader_refresh() will be called. NULL with
 * a line in error. */
struct store_reader *reader_open(const char *data_dir, const char *log_dir, bool changes, char error[STORE_ERROR_MAX]);
void reader_close(struct store_reader *r);

/* Lets go of the moment, so that the server can shorten its write-ahead log meanwhile; nothing is read until reader_refresh(). */
void reader_rest(struct store_reader *r);
/* Moves on to the present. -1 with a line in error. */
int reader_refresh(struct store_reader *r, char error[STORE_ERROR_MAX]);

const struct store_extent *reader_extent(const struct store_reader *r);

/* Gives the newest good snapshot up to zxid `at`, then the records above it up to `at`: what sink->record gets as committed is the
 * extent's. `at` lies between the extent's oldest and last. -1 with a line in error. */
int reader_load(struct store_reader *r, int64_t at, const struct store_sink *sink, char error[STORE_ERROR_MAX]);

/* Gives the records with above < zxid <= upto, in order. -1 with a line in error, also when one's checksum is wrong. */
typedef void reader_record_fn(void *arg, int64_t zxid, struct slice record);
int reader_records(struct store_reader *r, int64_t above, int64_t upto, reader_record_fn *fn, void *arg,
                   char error[STORE_ERROR_MAX]);

#endif
