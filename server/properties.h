/* Java's properties syntax, which zoo.cfg is written in: keys and values, separated by '=', ':' or blanks; '#' and '!' comments;
 * backslash escapes and continuation lines; the last of duplicate keys wins. Source: java.util.Properties.load. */
#ifndef SERVER_PROPERTIES_H
#define SERVER_PROPERTIES_H

#include <stddef.h>

struct property {
    char *key;
    char *value; /* without blanks around it, as ZooKeeper trims it */
    int line;    /* where it begins, from 1 */
};

/* Zero-initialised is valid and empty. In order of first appearance. */
struct properties {
    struct property *items;
    size_t count, cap;
};

/* Reads text of len bytes. Bytes that are not ASCII are kept as they are; \uXXXX becomes UTF-8. 0, or the number of the line
 * where a \u has not four hexadecimal digits. */
int properties_parse(struct properties *p, const char *text, size_t len);
void properties_free(struct properties *p);

#endif
