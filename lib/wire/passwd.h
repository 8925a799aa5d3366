/* Session passwords. Source: ZooKeeperServer.generatePasswd (3.8.0). */
#ifndef WIRE_PASSWD_H
#define WIRE_PASSWD_H

#include <stdint.h>

enum { PASSWD_LEN = 16 };

/* The 16 bytes that prove a session is one's own; the same on every server, Apache's included. */
void session_passwd(int64_t session, uint8_t out[PASSWD_LEN]);

#endif
