/* Reading and showing one option by its row of the table: what conf.c reads files with. */
#ifndef SERVER_CONF_TABLE_H
#define SERVER_CONF_TABLE_H

#include "conf.h"

/* The row for a key as it is written in a file; NULL when Apache does not know it either. */
const struct conf_option *conf_option_find(const char *key);

/* Puts a value, or its fallback, into the row's field. Writes what is wrong and what to do to problem, if the value is
 * none; says in *doubt, unless NULL, what is strange about one that is taken. */
int conf_option_set(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX],
                    const char **doubt);
/* Adds a value to a list, unless it is empty. */
void conf_list_add(struct conf_list *list, const char *value);
void conf_list_free(struct conf_list *list);
/* Frees what the options of a conf own. */
void conf_options_free(struct conf *c);

#endif
