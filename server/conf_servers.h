/* The server.N lines of zoo.cfg; for conf.c and its helpers alone. */
#ifndef SERVER_CONF_SERVERS_H
#define SERVER_CONF_SERVERS_H

#include "conf.h"

/* key is "server.N". Inserts in order of sid. -1 with one line in error. */
int conf_servers_add(struct conf *c, const char *key, const char *value, int line, char error[CONF_ERROR_MAX]);

/* Whether the text is a number, in decimal digits only, up to max. */
bool conf_number(const char *text, size_t len, int64_t max, int64_t *v);

/* The ensemble in properties form, fresh memory. */
char *conf_servers_text(const struct conf *c);

#endif
