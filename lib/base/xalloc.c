/* Memory that is either there or ends the process. */
#include "base/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p, size_t size)
{
    if (p == NULL && size > 0) {
        fprintf(stderr, "out of memory: no %zu bytes to be had; give this machine or cgroup more\n", size);
        _Exit(1);
    }
    return p;
}

void *xmalloc(size_t size)
{
    return must(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
    return must(calloc(count, size), count * size);
}

void *xrealloc(void *old, size_t size)
{
    return must(realloc(old, size), size);
}

void *xmemdup(const void *from, size_t size)
{
    void *to = xmalloc(size > 0 ? size : 1);
    if (size > 0) memcpy(to, from, size);
    return to;
}

char *xstrdup(const char *s)
{
    return xmemdup(s, strlen(s) + 1);
}

char *xasprintf(const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *s = xmalloc((size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, format, again);
    va_end(again);
    return s;
}
