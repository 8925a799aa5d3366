/* The group.N and weight.N lines of zoo.cfg: hierarchical quorums. For conf.c alone.
 * Source: QuorumPeerConfig.parseDynamicConfig, QuorumHierarchical.java (3.8.0). */
#ifndef SERVER_CONF_GROUPS_H
#define SERVER_CONF_GROUPS_H

#include "conf.h"

/* Whether the key is one of these. */
bool conf_groups_key(const char *key);

/* Takes one line. -1 with one line in error. */
int conf_groups_add(struct conf *c, const char *key, const char *value, int line, char error[CONF_ERROR_MAX]);

/* Once all lines are there: gives each server its group and weight, and says what cannot be. -1 with one line in error;
 * a doubt, fresh memory, is for the log. */
int conf_groups_settle(struct conf *c, char error[CONF_ERROR_MAX], char **doubt);

/* Appends the lines as Apache shows them: each group, then each weight, also those that no line gives. */
void conf_groups_text(const struct conf *c, struct bytes *b);

void conf_groups_free(struct conf *c);

#endif
