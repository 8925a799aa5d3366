/* Parsing and resolving targets. */
#include "launcher/targets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"

enum { NOT_A_TARGET = -1, NOBODY_NOW = -2 };

static int choose_one(const char *word, struct candidate *c, size_t n, struct rnd *r, char **why);
static int choose_id(const char *word, struct candidate *c, size_t n, char **why);
static int choose_role(enum role role, long which, const char *word, struct candidate *c, size_t n, char **why);
static int choose_all(struct candidate *c, size_t n, char **why);
static int choose_random(struct candidate *c, size_t n, struct rnd *r, char **why);
static bool number(const char *s, long *v);
static char *who_is_what(const struct candidate *c, size_t n);

int targets_choose(const char *text, struct candidate *c, size_t n, struct rnd *r, char **why)
{
    for (size_t i = 0; i < n; i++) c[i].chosen = false;
    char *copy = xstrdup(text), *rest = copy, *word;
    int result = *text ? 0 : NOT_A_TARGET;
    if (result) *why = xstrdup("the target is empty; try leader, follower, zoo1 or all");
    while (result == 0 && (word = strsep(&rest, ","))) result = choose_one(word, c, n, r, why);
    free(copy);
    for (size_t i = 0; result && i < n; i++) c[i].chosen = false;
    return result;
}

static int choose_one(const char *word, struct candidate *c, size_t n, struct rnd *r, char **why)
{
    if (strcmp(word, "all") == 0) return choose_all(c, n, why);
    if (strcmp(word, "random") == 0) return choose_random(c, n, r, why);
    if (isdigit((unsigned char)*word)) return choose_id(word, c, n, why);
    if (strncmp(word, "zoo", 3) == 0 && isdigit((unsigned char)word[3])) return choose_id(word + 3, c, n, why);

    char role[16];
    size_t len = strcspn(word, ":");
    long which = 1;
    bool ok = len > 0 && len < sizeof role && (word[len] == '\0' || (number(word + len + 1, &which) && which >= 1));
    if (ok) {
        memcpy(role, word, len);
        role[len] = '\0';
        ok = role_parse(role) != ROLE_NONE;
    }
    if (!ok) {
        *why = xasprintf(
            "'%s' is no target; a target is an id, zooN, leader, follower, follower:2, observer, random, all, "
            "or several with commas",
            word);
        return NOT_A_TARGET;
    }
    return choose_role(role_parse(role), which, word, c, n, why);
}

static int choose_id(const char *word, struct candidate *c, size_t n, char **why)
{
    long id;
    if (!number(word, &id)) {
        *why = xasprintf("'%s' is no server; a server is an id or zooN", word);
        return NOT_A_TARGET;
    }
    for (size_t i = 0; i < n; i++) {
        if (c[i].id != id) continue;
        c[i].chosen = true;
        return 0;
    }
    if (n == 1) {
        *why = xasprintf("there is no zoo%ld; there is only zoo%d", id, c[0].id);
    } else if (n && c[n - 1].id - c[0].id + 1 == (int)n) {
        *why = xasprintf("there is no zoo%ld; there are zoo%d to zoo%d", id, c[0].id, c[n - 1].id);
    } else {
        char *who = who_is_what(c, n);
        *why = xasprintf("there is no zoo%ld; there are %s", id, who);
        free(who);
    }
    return NOBODY_NOW;
}

/* A server without an ensemble is its own leader. */
static bool has_role(const struct candidate *c, enum role role)
{
    return c->role == role || (role == ROLE_LEADER && c->role == ROLE_STANDALONE);
}

static int choose_role(enum role role, long which, const char *word, struct candidate *c, size_t n, char **why)
{
    long seen = 0;
    for (size_t i = 0; i < n; i++) {
        if (!has_role(&c[i], role) || ++seen != which) continue;
        c[i].chosen = true;
        return 0;
    }
    char *who = who_is_what(c, n);
    if (seen == 0) {
        *why = xasprintf("there is no %s now: %s", role_name(role), who);
    } else {
        *why = xasprintf("there is no %s: only %ld %s%s: %s", word, seen, role_name(role), seen == 1 ? "" : "s", who);
    }
    free(who);
    return NOBODY_NOW;
}

static int choose_all(struct candidate *c, size_t n, char **why)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) any |= c[i].chosen |= c[i].able;
    if (any) return 0;
    char *who = who_is_what(c, n);
    *why = xasprintf("there is no server to do that to: %s", who);
    free(who);
    return NOBODY_NOW;
}

static int choose_random(struct candidate *c, size_t n, struct rnd *r, char **why)
{
    size_t able = 0;
    for (size_t i = 0; i < n; i++) able += c[i].able;
    if (able == 0) return choose_all(c, n, why);
    uint64_t which = rnd_below(r, able);
    for (size_t i = 0; i < n; i++) {
        if (c[i].able && which-- == 0) c[i].chosen = true;
    }
    return 0;
}

static bool number(const char *s, long *v)
{
    if (!isdigit((unsigned char)*s) || strlen(s) > 6) return false;
    char *end;
    *v = strtol(s, &end, 10);
    return *end == '\0';
}

/* "zoo1 follower, zoo2 leader, zoo3 not running", to be freed. */
static char *who_is_what(const struct candidate *c, size_t n)
{
    struct bytes b = {0};
    for (size_t i = 0; i < n; i++) {
        const char *what = c[i].role == ROLE_NONE ? "not running" : role_name(c[i].role);
        bytes_printf(&b, "%szoo%d %s", i ? ", " : "", c[i].id, what);
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}
