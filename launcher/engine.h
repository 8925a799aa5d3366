/* Which program a member runs: zkserver, or Apache ZooKeeper where it can be found; or whatever somebody else runs there. */
#ifndef LAUNCHER_ENGINE_H
#define LAUNCHER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

enum engine { ENGINE_ZKSERVER, ENGINE_APACHE, ENGINE_FOREIGN };

const char *engine_name(enum engine e); /* "zkserver", "apache", "foreign" */

/* What --engine says: how many of the members, the last ones, run Apache ZooKeeper. ENGINE_ALL: every one. */
enum { ENGINE_ALL = -1 };
/* "zkserver", "apache" or "apache:2". False with *why (to be freed). */
bool engine_parse(const char *text, int *apaches, char **why);

/* The command that runs Apache ZooKeeper with the conf, to be freed with engine_command_free(): from $ZOOKEEPER_HOME, else from
 * Debian's package; the JVM from $JAVA_HOME, else from $PATH; its flags from $SERVER_JVMFLAGS and $JVMFLAGS as zkServer.sh
 * takes them, else ones that suit several on one machine. variables: two for its environment, or NULL. NULL with *why when
 * something is not there. */
char **engine_apache_command(const char *conf, char *const variables[2], char **why);
void engine_command_free(char **command);

#endif
