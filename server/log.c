/* The log. */
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static int64_t id = -1;

void log_set_id(int64_t myid)
{
    id = myid;
}

/* The time costs more than the rest of the line; it is the same for a whole second. */
static const char *second_text(time_t now)
{
    static time_t at;
    static char text[32];
    struct tm tm;
    if (at == now && *text) return text;
    at = now;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
    return text;
}

static bool debugs(void)
{
    static int wanted = -1;
    const char *level = wanted < 0 ? getenv("ZOO_LOG_LEVEL") : NULL;
    if (wanted < 0) wanted = level != NULL && strcasecmp(level, "debug") == 0;
    return wanted == 1;
}

void log_line(enum log_level level, const char *format, ...)
{
    enum { LINE_MAX_LEN = 2048 };
    static const char *const names[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    char line[LINE_MAX_LEN];
    struct timespec t;
    if (level == LOG_DEBUG_LINE && !debugs()) return;
    clock_gettime(CLOCK_REALTIME, &t);
    int n = snprintf(line, sizeof line, "%s.%03ld ", second_text(t.tv_sec), t.tv_nsec / 1000000);
    if (id >= 0) n += snprintf(line + n, sizeof line - (size_t)n, "[myid:%" PRId64 "] ", id);
    n += snprintf(line + n, sizeof line - (size_t)n, "%s ", names[level]);
    va_list ap;
    va_start(ap, format);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, ap);
    va_end(ap);
    size_t len = m < 0 ? (size_t)n : (size_t)n + (size_t)m;
    if (len > sizeof line - 2) len = sizeof line - 2;
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0) return; /* nowhere left to complain */
}
