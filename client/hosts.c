/* Connection strings and the paths under their chroot. */
#include "client/hosts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static const char *host_parse(struct host *out, const char *p, size_t len);
static const char *port_parse(char **out, const char *p, size_t len);
static char *copy_of(const char *p, size_t len);

const char *hosts_parse(struct hosts *h, const char *text)
{
    *h = (struct hosts){0};
    const char *slash = strchr(text, '/');
    const char *wrong = NULL;
    size_t chroot_len = slash ? strlen(slash) : 0;
    size_t at;
    if (chroot_len > 1) wrong = path_problem(slash, false, &at);
    h->chroot = copy_of(slash, chroot_len > 1 ? chroot_len : 0);

    const char *end = slash ? slash : text + strlen(text);
    for (const char *p = text; p < end && wrong == NULL;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        while (p < stop && isspace((unsigned char)*p)) p++;
        while (stop > p && isspace((unsigned char)stop[-1])) stop--;
        if (stop > p) {
            h->list = xrealloc(h->list, (h->count + 1) * sizeof *h->list);
            h->list[h->count] = (struct host){0};
            wrong = host_parse(&h->list[h->count++], p, (size_t)(stop - p));
        }
        p = comma ? comma + 1 : end;
    }
    if (wrong == NULL && h->count == 0) wrong = "no server is named";
    if (wrong != NULL) hosts_free(h);
    return wrong;
}

void hosts_free(struct hosts *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->list[i].name);
        free(h->list[i].port);
    }
    free(h->list);
    free(h->chroot);
    *h = (struct hosts){0};
}

/* The words and places of PathUtils.java (validatePath), which people have in their notes. */
const char *path_problem(const char *path, bool sequential, size_t *at)
{
    *at = 0;
    if (path[0] == '\0' && !sequential) return "Path length must be > 0";
    if (path[0] != '/') return "Path must start with / character";
    if (path[1] == '\0') return NULL;
    if (!sequential && path[strlen(path) - 1] == '/') return "Path must not end with / character";
    size_t place = 0; /* in UTF-16 units, as Java counts */
    for (const char *name = path + 1, *p = name;; p++) {
        unsigned char ch = (unsigned char)*p;
        if ((ch & 0xc0) != 0x80) place += ch >= 0xf0 ? 2 : 1;
        *at = place;
        if (ch == '/' || ch == '\0') {
            size_t len = (size_t)(p - name);
            if (ch == '\0' && len == 0) return NULL; /* a sequential znode's number follows */
            if (len == 0) return "empty node name specified";
            bool dots = (len == 1 || (len == 2 && name[1] == '.')) && name[0] == '.';
            *at = place - 1;
            if (dots && !(ch == '\0' && sequential)) return "relative paths not allowed";
            if (ch == '\0') return NULL;
            name = p + 1;
        } else if (ch < 0x20 || ch == 0x7f) {
            return "invalid character";
        }
    }
}

char *path_join(const char *chroot, const char *path)
{
    if (chroot[0] != '\0' && strcmp(path, "/") == 0) return xstrdup(chroot);
    return xasprintf("%s%s", chroot, path);
}

size_t path_under(const char *chroot, const char *path, size_t len)
{
    size_t n = strlen(chroot);
    if (n > len || memcmp(path, chroot, n) != 0) return 0;
    return n == len || path[n] == '/' ? n : 0;
}

/* "name", "name:port", "1.2.3.4:port", "[::1]", "[::1]:port". */
static const char *host_parse(struct host *out, const char *p, size_t len)
{
    const char *end = p + len, *name_end, *port = NULL;
    if (*p == '[') {
        name_end = memchr(p, ']', len);
        if (name_end == NULL) return "an IPv6 address in brackets lacks its ']'";
        p++;
        if (name_end + 1 < end) {
            if (name_end[1] != ':') return "after ']' comes ':' and a port";
            port = name_end + 2;
        }
    } else {
        const char *colon = memchr(p, ':', len);
        if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
            return "an IPv6 address is written in brackets, as in [::1]:2181";
        }
        name_end = colon ? colon : end;
        if (colon != NULL) port = colon + 1;
    }
    if (name_end == p) return "a host is empty";
    out->name = copy_of(p, (size_t)(name_end - p));
    if (port != NULL) return port_parse(&out->port, port, (size_t)(end - port));
    out->port = xasprintf("%d", HOSTS_DEFAULT_PORT);
    return NULL;
}

static const char *port_parse(char **out, const char *p, size_t len)
{
    long value = 0;
    for (size_t i = 0; i < len && value <= 65535; i++) {
        if (!isdigit((unsigned char)p[i])) return "a port is a number";
        value = value * 10 + (p[i] - '0');
    }
    if (len == 0 || value < 1 || value > 65535) return "a port is a number from 1 to 65535";
    *out = xasprintf("%ld", value);
    return NULL;
}

static char *copy_of(const char *p, size_t len)
{
    char *s = xmalloc(len + 1);
    if (len > 0) memcpy(s, p, len);
    s[len] = '\0';
    return s;
}
