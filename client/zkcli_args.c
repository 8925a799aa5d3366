/* A command's words: which are options, which are values, which stand for themselves. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "client/zkcli.h"

/* One entry of a command's option text, and the walk over it. */
struct option {
    char letter;
    bool takes_value;
    struct slice name; /* null for a letter known as such */
    bool exclusive;    /* with the others behind the "|" */
};
struct walk {
    const char *at;
    bool exclusive, demanded;
};

static char *option_take(struct args *a, const struct command *c, const char *word, char *const **next);
static char *option_set(struct args *a, const struct command *c, const struct option *o, const char *value,
                        char *const **next);
static char *choice_wrong(const struct args *a, const struct command *c, const struct option *o);
static char *choice_missing(const struct args *a, const struct command *c);
static bool option_like(const struct command *c, const char *word);
static bool option_find(const struct command *c, struct slice name, struct option *o);
static bool option_next(struct walk *w, struct option *o);

char *args_take(struct args *a, const struct command *c, char *const *words)
{
    bool options = true;
    for (; *words != NULL; words++) {
        const char *word = *words;
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && word[0] == '-' && word[1] != '\0') {
            char *wrong = option_take(a, c, word, &words);
            if (wrong != NULL) return wrong;
        } else if (a->count == c->max_words) {
            return xasprintf("too many words: %s (quote a value that has blanks)", word);
        } else {
            a->words[a->count++] = word;
        }
    }
    char *wrong = choice_missing(a, c);
    if (wrong != NULL) return wrong;
    return a->count < c->min_words && !a->flag['?'] ? xasprintf("%s %s", c->name, c->usage) : NULL;
}

/* One word of options: "-s", "-se", "-v 3", "-v3", "-v=3", "-file path". */
static char *option_take(struct args *a, const struct command *c, const char *word, char *const **next)
{
    struct option o;
    if (option_find(c, slice_str(word + 1), &o)) return option_set(a, c, &o, NULL, next);
    for (const char *p = word + 1; *p != '\0'; p++) {
        if (!option_find(c, slice_of(p, 1), &o)) return xasprintf("Unrecognized option: %s", word);
        const char *rest = o.takes_value && p[1] != '\0' ? p + 1 : NULL;
        if (rest != NULL && p == word + 1 && *rest == '=') rest++;
        char *wrong = option_set(a, c, &o, rest, next);
        if (wrong != NULL || rest != NULL) return wrong;
    }
    return NULL;
}

/* The value is what stands behind the letter, else the next word, unless that is an option. */
static char *option_set(struct args *a, const struct command *c, const struct option *o, const char *value,
                        char *const **next)
{
    unsigned char letter = (unsigned char)o->letter;
    char *wrong = o->exclusive ? choice_wrong(a, c, o) : NULL;
    if (wrong != NULL) return wrong;
    a->flag[letter] = true;
    if (!o->takes_value) return NULL;
    if (value == NULL && (*next)[1] != NULL && !option_like(c, (*next)[1])) value = *++*next;
    a->value[letter] = value;
    struct slice name = slice_is_null(o->name) ? slice_of(&o->letter, 1) : o->name;
    return value != NULL ? NULL : xasprintf("Missing argument for option: %.*s", SLICE_ARG(name));
}

static char *choice_wrong(const struct args *a, const struct command *c, const struct option *o)
{
    struct walk w = {.at = c->options};
    for (struct option other; option_next(&w, &other);) {
        if (other.exclusive && other.letter != o->letter && a->flag[(unsigned char)other.letter])
            return xasprintf(
                "The option '%c' was specified but an option from this group has already been selected: '%c'",
                o->letter, other.letter);
    }
    return NULL;
}

static char *choice_missing(const struct args *a, const struct command *c)
{
    struct walk w = {.at = c->options};
    struct bytes list = {0};
    bool chosen = false;
    for (struct option o; option_next(&w, &o);) {
        if (!o.exclusive) continue;
        chosen |= a->flag[(unsigned char)o.letter];
        bytes_printf(&list, "%s-%c %s", bytes_waiting(&list) > 0 ? ", " : "", o.letter, option_meaning(c, o.letter));
    }
    char *wrong = NULL;
    if (w.demanded && !chosen) wrong = xasprintf("Missing required option: [%.*s]", SLICE_ARG(bytes_slice(&list)));
    bytes_free(&list);
    return wrong;
}

/* Whether a word that follows an option is one too; anything else is that option's value. */
static bool option_like(const struct command *c, const char *word)
{
    struct option o;
    if (word[0] != '-' || word[1] == '\0') return false;
    return strcmp(word, "--") == 0 || option_find(c, slice_str(word + 1), &o) ||
           option_find(c, slice_of(word + 1, 1), &o);
}

static bool option_find(const struct command *c, struct slice name, struct option *o)
{
    struct walk w = {.at = c->options};
    while (option_next(&w, o)) {
        if (slice_equal(slice_is_null(o->name) ? slice_of(&o->letter, 1) : o->name, name)) return true;
    }
    return false;
}

static bool option_next(struct walk *w, struct option *o)
{
    for (; *w->at == '|' || *w->at == '!'; w->at++) {
        w->exclusive = true;
        w->demanded |= *w->at == '!';
    }
    if (*w->at == '\0') return false;
    *o = (struct option){.letter = *w->at++, .name = SLICE_NULL, .exclusive = w->exclusive};
    if (*w->at == ':') {
        o->takes_value = true;
        w->at++;
    }
    if (*w->at == '(') {
        size_t len = strcspn(w->at + 1, ")");
        o->name = slice_of(w->at + 1, len);
        w->at += len + 2;
    }
    return true;
}
