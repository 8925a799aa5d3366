/* Tables for people: columns as wide as their widest cell. */
#ifndef LAUNCHER_TABLE_H
#define LAUNCHER_TABLE_H

#include <jansson.h>

#include "base/bytes.h"

/* Appends rows of n cells each, indented by two, cells two apart; the last column is not padded. */
void table_put(struct bytes *out, const char *const *cells, size_t columns, size_t rows);

/* Appends one line: how many servers, who leads. */
void headline_put(struct bytes *out, const json_t *cluster);

/* Appends the servers of a cluster (as status gives it), and under the table what those that crashed said last and what
 * faults there are. */
void servers_put(struct bytes *out, const json_t *cluster);

/* Appends where clients connect and where operators find pages. */
void addresses_put(struct bytes *out, const json_t *cluster);

/* The same, and what to try next. */
void connect_put(struct bytes *out, const json_t *cluster, const char *call);

#endif
