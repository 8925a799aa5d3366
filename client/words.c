/* Splitting a command line into words. */
#include "client/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static void word_add(struct words *w, const char *p, size_t len);

const char *words_split(struct words *w, const char *line)
{
    *w = (struct words){xcalloc(1, sizeof(char *)), 0};
    for (const char *p = line;;) {
        while (isspace((unsigned char)*p)) p++;
        if (*p == '\0') return NULL;
        if (*p == '"' || *p == '\'') {
            const char *close = strchr(p + 1, *p);
            if (close == NULL) {
                words_free(w);
                return "a quote is not closed";
            }
            word_add(w, p + 1, (size_t)(close - p - 1));
            p = close + 1;
        } else {
            const char *end = p;
            while (*end != '\0' && !isspace((unsigned char)*end)) end++;
            word_add(w, p, (size_t)(end - p));
            p = end;
        }
    }
}

void words_free(struct words *w)
{
    for (size_t i = 0; i < w->count; i++) free(w->list[i]);
    free(w->list);
    *w = (struct words){0};
}

static void word_add(struct words *w, const char *p, size_t len)
{
    char *word = xmalloc(len + 1);
    memcpy(word, p, len);
    word[len] = '\0';
    w->list = xrealloc(w->list, (w->count + 2) * sizeof *w->list);
    w->list[w->count++] = word;
    w->list[w->count] = NULL;
}
