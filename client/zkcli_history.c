/* The lines of earlier sessions, in a file of plain lines that only its owner can read. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "client/zkcli.h"

#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"

enum { LINES_KEPT = 1000, FILE_MAX = 1 << 20 };

static char *history_path(void);
static void file_shorten(const char *path, struct slice all);
static size_t last_lines(struct slice all, size_t count);

void history_load(void)
{
    char *path = history_path();
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    struct bytes all = {0};
    for (size_t n = 1; f != NULL && n > 0;) {
        n = fread(bytes_room(&all, 4096), 1, 4096, f);
        bytes_grew(&all, n);
    }
    if (f != NULL) fclose(f);
    struct slice s = bytes_slice(&all);
    if (s.len > FILE_MAX) file_shorten(path, s);
    for (size_t at = last_lines(s, LINES_KEPT); at < (size_t)s.len;) {
        uint8_t *end = memchr(s.p + at, '\n', (size_t)s.len - at);
        if (end == NULL) break; /* someone is writing it */
        *end = '\0';
        add_history((const char *)s.p + at);
        at = (size_t)(end - s.p) + 1;
    }
    stifle_history(LINES_KEPT);
    bytes_free(&all);
    free(path);
}

void history_keep(const char *line)
{
    const char *word = line + strspn(line, " \t");
    if (strncmp(word, "addauth", 7) == 0) return;
    char *path = history_path();
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        char *text = xasprintf("%s\n", line);
        ssize_t n =
            write(fd, text, strlen(text)); /* in one piece: other shells append too. Losing a line is no error */
        (void)n;
        free(text);
        close(fd);
    }
    free(path);
}

static char *history_path(void)
{
    const char *named = getenv("ZKCLI_HISTORY"), *home = getenv("HOME");
    if (named != NULL) return named[0] != '\0' ? xstrdup(named) : NULL;
    return home != NULL && home[0] != '\0' ? xasprintf("%s/.zkcli_history", home) : NULL;
}

static void file_shorten(const char *path, struct slice all)
{
    size_t from = last_lines(all, LINES_KEPT);
    char *fresh = xasprintf("%s.%ld", path, (long)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool whole = write(fd, all.p + from, (size_t)all.len - from) == (ssize_t)((size_t)all.len - from);
        if (close(fd) != 0 || !whole || rename(fresh, path) != 0) unlink(fresh);
    }
    free(fresh);
}

/* Where the last `count` lines begin. */
static size_t last_lines(struct slice all, size_t count)
{
    size_t at = (size_t)all.len;
    for (size_t n = 0; at > 0; at--) {
        if (all.p[at - 1] == '\n' && at != (size_t)all.len && ++n == count) break;
    }
    return at;
}
#endif
