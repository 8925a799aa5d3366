/* Connection strings: "host:port,host:port/chroot". Source: ConnectStringParser.java, PathUtils.java. */
#ifndef CLIENT_HOSTS_H
#define CLIENT_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

enum { HOSTS_DEFAULT_PORT = 2181 };

struct host {
    char *name; /* without the brackets of an IPv6 literal */
    char *port; /* decimal, 1 to 65535 */
};

/* Owns its strings; hosts_free() gives them back. chroot is "" when there is none, else begins with '/' and does not end in
 * one. */
struct hosts {
    struct host *list;
    size_t count;
    char *chroot;
};

/* Reads a connection string. Returns NULL, or what is wrong with it (a literal); on error *h is empty. */
const char *hosts_parse(struct hosts *h, const char *text);
void hosts_free(struct hosts *h);

/* NULL when the path is one a server accepts, else what is wrong with it (a literal). A sequential name may end in '/'.
 * *at is the offending character's place, from 0, or 0 where the words already say it. */
const char *path_problem(const char *path, bool sequential, size_t *at);

/* chroot + path in fresh memory, for the caller to free: ("/app", "/") is "/app", ("", "/a") is "/a". */
char *path_join(const char *chroot, const char *path);

/* Where the part of a server's path after the chroot begins: 0 when the path is not under the chroot. A result equal to len
 * means the chroot itself, which the client calls "/". */
size_t path_under(const char *chroot, const char *path, size_t len);

#endif
