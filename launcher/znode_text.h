/* Znodes, values and ACLs as people and programs are shown them. */
#ifndef LAUNCHER_ZNODE_TEXT_H
#define LAUNCHER_ZNODE_TEXT_H

#include <jansson.h>

#include "tree/tree.h"

/* What a value may take in a line before it is shortened, bytes. */
enum { VALUE_SHOWN = 40 };

/* Appends 'text', with \n and the like escaped; bytes that are no UTF-8 as hexadecimal digits; "null". What is longer than most bytes is
 * shortened, and its length told. */
void value_put(struct bytes *b, struct slice value, size_t most);
/* Appends "world:anyone:cdrwa,digest:joe:hash=:r". */
void acl_put(struct bytes *b, struct vector acl);
/* Appends "2026-11-20T14:28:33.886Z". */
void time_put(struct bytes *b, int64_t ms);

/* "persistent", "ephemeral", "container", "ttl". */
const char *znode_kind(const struct znode *n);
/* Of a TTL znode, ms; else 0. */
int64_t znode_ttl(const struct znode *n);

/* Text that is no UTF-8 is shown with U+FFFD in the place of what is none. A new reference. */
json_t *text_json(struct slice text);
bool text_is_utf8(struct slice text);
json_t *hex_json(int64_t v);
/* Sets "data" to the text or null, or "base64" when it is no text. */
void data_json(json_t *object, struct slice data);
/* ["world:anyone:cdrwa", ...] */
json_t *acl_json(struct vector acl);

/* {"path", "data" or "base64", "acl", "kind", "ttl" or "owner" of those that have one, "stat": {...}}: an entry of `tree --json` and of an
 * export. A new reference. */
json_t *znode_json(const struct tree *t, const struct znode *n);

/* Reads standard base64. False when it is none. */
bool base64_get(struct bytes *b, const char *text, size_t len);

/* Calls fn for the znode and all below it, siblings by name, parents before children. depth: 0 for the first. */
void znode_walk(const struct znode *n, void (*fn)(void *arg, const struct znode *n, int depth), void *arg);

#endif
