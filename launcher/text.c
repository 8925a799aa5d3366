/* Durations, last lines and near misses. */
#include "launcher/text.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"

enum { TAIL_MAX = 4096, WORD_MAX = 32 };

static int distance(const char *a, const char *b);

void put_duration(struct bytes *b, int64_t us)
{
    if (us < 0) us = 0;
    if (us < 9950) {
        bytes_printf(b, "%.1f ms", (double)us / 1e3);
    } else if (us < 9999500) {
        bytes_printf(b, "%" PRId64 " ms", (us + 500) / 1000);
    } else if (us < 120 * INT64_C(1000000)) {
        bytes_printf(b, us % 1000000 ? "%.1f s" : "%.0f s", (double)us / 1e6);
    } else {
        int64_t s = us / 1000000;
        bytes_printf(b, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    }
}

void put_shift(struct bytes *b, int64_t ms)
{
    bytes_printf(b, ms % 1000 ? "%+.3g s" : "%+.0f s", (double)ms / 1e3);
}

bool parse_duration(const char *text, int64_t *us)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"min", 60e6}};
    enum { DAY_US_E6 = 86400 };
    char *end;
    if (!isdigit((unsigned char)*text) || strlen(text) > 16 || strpbrk(text, "xXeEpP")) return false;
    double number = strtod(text, &end);
    bool ok = *end == '\0' && number == 0;
    *us = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0 || number * units[i].us > DAY_US_E6 * 1e6) continue;
        *us = (int64_t)(number * units[i].us + 0.5);
        ok = true;
    }
    return ok;
}

bool parse_number(const char *text, long min, long max, long *v)
{
    char *end;
    if (!isdigit((unsigned char)*text) || strlen(text) > 9) return false;
    *v = strtol(text, &end, 10);
    return *end == '\0' && *v >= min && *v <= max;
}

char *last_line(const char *path)
{
    char tail[TAIL_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > TAIL_MAX ? size - TAIL_MAX : 0;
    ssize_t n = size > 0 ? pread(fd, tail, TAIL_MAX, from) : 0;
    close(fd);
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == ' ' || tail[n - 1] == '\r')) n--;
    if (n <= 0) return NULL;
    tail[n] = '\0';
    const char *line = strrchr(tail, '\n');
    return xstrdup(line ? line + 1 : tail);
}

const char *nearest_word(const char *typed, const char *const *words)
{
    const char *best = NULL;
    int best_distance = 3;
    for (; *words; words++) {
        size_t len = strlen(typed);
        /* The beginning of a word is near, however much of it is missing. */
        int d = len >= 2 && strncmp(*words, typed, len) == 0 ? 1 : distance(typed, *words);
        if (d < best_distance && d < (int)strlen(*words)) {
            best = *words;
            best_distance = d;
        }
    }
    return best;
}

int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int least(int a, int b, int c)
{
    int d = a < b ? a : b;
    return d < c ? d : c;
}

/* Edits (insert, delete, change, swap neighbours) from a to b; large when either is too long to be a verb. */
static int distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n >= WORD_MAX || m >= WORD_MAX) return WORD_MAX;
    int d[WORD_MAX][WORD_MAX];
    for (size_t i = 0; i <= n; i++) d[i][0] = (int)i;
    for (size_t j = 0; j <= m; j++) d[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j]) d[i][j] = d[i - 2][j - 2] + 1;
        }
    }
    return d[n][m];
}
