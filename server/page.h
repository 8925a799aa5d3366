/* Writing JSON piece by piece, laid out as Apache's admin pages are: objects indented by two, lists on one line. */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Zero-initialised but for the bytes it appends to is valid; the text begins with page_begin(p, NULL). What to may change between
 * calls. */
struct page {
    struct bytes *to;
    int depth;  /* objects that are open */
    bool some;  /* the innermost object or list has something in it */
};

/* key is NULL inside a list, and for the whole. */
void page_begin(struct page *p, const char *key);
void page_end(struct page *p);
void page_list(struct page *p, const char *key);
void page_list_end(struct page *p);
/* The same where the key is bytes from outside. */
void page_list_of(struct page *p, struct slice key);

void page_text(struct page *p, const char *key, const char *text);
/* What is not UTF-8 in it becomes U+FFFD. */
void page_slice(struct page *p, const char *key, struct slice text);
void page_int(struct page *p, const char *key, int64_t n);
void page_bool(struct page *p, const char *key, bool b);
void page_null(struct page *p, const char *key);
/* raw is JSON: a number as it is to be shown. */
void page_raw(struct page *p, const char *key, const char *raw);

#endif
