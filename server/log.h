/* The server's log: lines on stderr, "2026-11-20 13:00:00.123 [myid:1] INFO  text". */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdint.h>

/* DEBUG lines are written when the environment has ZOO_LOG_LEVEL=debug. */
enum log_level { LOG_DEBUG_LINE, LOG_INFO_LINE, LOG_WARN_LINE, LOG_ERROR_LINE };

/* The id that lines carry from now on; none before. */
void log_set_id(int64_t myid);
/* One line, one write; no newline in the text. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
