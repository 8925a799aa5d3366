/* Memory that is either there or ends the process: allocation failure is handled in this one place. */
#ifndef BASE_XALLOC_H
#define BASE_XALLOC_H

#include <stddef.h>

/* Each returns memory the caller frees with free(). Never NULL: when the system has none, one line goes to stderr and
 * the process exits with 1. Nothing acknowledged is lost by that: it is on disk on a quorum. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s);
void *xmemdup(const void *from, size_t size);

/* printf into fresh memory; the caller frees it. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
