/* Ports that belong to a cluster for as long as it lives: bound, never listening, so that nobody else takes them and a server
 * that is dead refuses connections. */
#ifndef LAUNCHER_PORTS_H
#define LAUNCHER_PORTS_H

#include <stdint.h>

/* Sockets that hold ports. Zero-initialised is valid and empty. */
struct ports {
    int *fds;
    int count;
};

/* Reserves host:port for servers of this user that set SO_REUSEADDR and SO_REUSEPORT before they bind. host is a numeric address
 * or a name; port 0 takes a free one. Returns the port; 0 with errno when it cannot be had (EADDRINUSE: somebody has it,
 * ENOENT: no such host, EADDRNOTAVAIL: not an address of this machine). */
uint16_t ports_reserve(struct ports *p, const char *host, uint16_t port);

/* Lets a program bind and listen there that sets SO_REUSEADDR alone, as Java does. Another such program could take the port while
 * that one is not listening. */
void ports_lend(struct ports *p, uint16_t port);

/* Gives one of them up, if it is there. */
void ports_give_up(struct ports *p, uint16_t port);

/* Gives all of them up. */
void ports_release(struct ports *p);

#endif
