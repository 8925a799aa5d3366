/* Sockets and addresses: non-blocking, close-on-exec, TCP_NODELAY; literals are never looked up by name. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire/fact.h"

/* An IPv4 or IPv6 address with port. len 0: none. */
struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t len;
};

enum { ADDRESS_TEXT_MAX = 64, SOCKET_ERROR_MAX = 256 };

/* A literal is taken as it is, a name is looked up (this blocks). False when the name is unknown. */
bool address_resolve(struct address *a, const char *host, uint16_t port);
/* All addresses of this machine; IPv4. */
void address_any(struct address *a, uint16_t port);
/* The literal, without brackets and port; an IPv4 address inside an IPv6 one is shown as IPv4. */
const char *address_host(const struct address *a, char text[ADDRESS_TEXT_MAX]);
uint16_t address_port(const struct address *a);
/* "127.0.0.1:2181", "[::1]:2181" */
const char *address_text(const struct address *a, char text[ADDRESS_TEXT_MAX]);
/* A number that equal hosts share, whatever their port. */
uint64_t address_host_hash(const struct address *a, uint64_t seed);

/* A bound socket that does not listen yet, or -1 with one line in error. a gets the port when it was 0. */
int socket_bind(struct address *a, bool reuse_port, char error[SOCKET_ERROR_MAX]);
int socket_listen(int fd, char error[SOCKET_ERROR_MAX]);

/* -1 with errno: EAGAIN when nobody waits, EMFILE and the like when there is no room. */
int socket_accept(int fd, struct address *from);

/* Begins to connect; a failure comes later, by writability and socket_connected(). -1 with errno when not even that works. */
int socket_connect(const struct address *to);
/* 0 or the errno with which connecting ended. */
int socket_connected(int fd);

/* What an errno of connect, read or write means to the core. */
enum reason reason_of_errno(int e);

#endif
