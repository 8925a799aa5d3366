/* JAAS login configuration files: who may prove what with which password.
 *
 *   Server {
 *       org.apache.zookeeper.server.auth.DigestLoginModule required
 *       user_bob="bobsecret";
 *   };
 *
 * Source of the grammar: com.sun.security.auth.login.ConfigFile. Passwords are in these files: no message quotes from them. */
#ifndef SECURE_JAAS_H
#define SECURE_JAAS_H

#include <stddef.h>

enum { JAAS_ERROR_MAX = 512 };

struct jaas_option {
    char *key, *value;
};

/* One section: the options of all its login modules, in order, and the first module's class. */
struct jaas {
    char *module;
    struct jaas_option *options;
    size_t count;
};

/* 0 with the section in j, 1 when the file has no such section, -1 with one line in error: where, what, what to do. jaas_free()
 * releases j in each case. The whole file must be well-formed, whatever section is wanted. */
int jaas_read(struct jaas *j, const char *path, const char *section, char error[JAAS_ERROR_MAX]);
/* The same for text in memory; path names it in messages. */
int jaas_parse(struct jaas *j, const char *path, const char *section, const char *text, size_t len,
               char error[JAAS_ERROR_MAX]);
/* Overwrites the values before it releases them. */
void jaas_free(struct jaas *j);

/* NULL when there is none. */
const char *jaas_find(const struct jaas *j, const char *key);

#endif
