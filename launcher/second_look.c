/* Sorting out what had just changed. */
#include "launcher/second_look.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/remote.h"
#include "launcher/talk.h"
#include "launcher/view.h"

static json_t *look(json_t *rows, const struct side *a, const struct side *b, char **why);
static json_t *unfit_rows(const json_t *rows);

int second_look(json_t *all, const struct side *a, const struct side *b, size_t *settled, char **why)
{
    /* Before each look, ms: a follower lags by a moment, not by more unless something is wrong. */
    static const int waits[] = {0, 100, 700};
    json_t *rows = json_object_get(all, "znodes");
    size_t before = json_array_size(rows);
    for (size_t i = 0; i < sizeof waits / sizeof *waits && json_array_size(rows); i++) {
        if (waits[i]) poll(NULL, 0, waits[i]);
        json_t *now = look(rows, a, b, why);
        if (!now) return EXIT_REFUSED;
        json_object_set_new(all, "znodes", now);
        rows = now;
    }
    size_t after = json_array_size(rows);
    *settled = before > after ? before - after : 0;
    json_object_set_new(all, "equal", json_boolean(after == 0));
    return 0;
}

/* What of it differs now, a new reference; NULL with *why. */
static json_t *look(json_t *rows, const struct side *a, const struct side *b, char **why)
{
    size_t n = json_array_size(rows);
    char **paths = xcalloc(n + 1, sizeof *paths);
    struct side sides[2] = {{.name = a->name}, {.name = b->name}};
    json_t *differ = NULL, *found = NULL;
    for (size_t i = 0; i < n; i++) paths[i] = xstrdup(fact_string(json_array_get(rows, i), "path"));
    if (remote_read_again(a->state.remote, &sides[0].state, paths, n, why) == 0 &&
        remote_read_again(b->state.remote, &sides[1].state, paths, n, why) == 0)
        differ = differences(&sides[0], &sides[1], why);
    if (differ) found = json_incref(json_object_get(differ, "znodes"));
    json_t *unfit = found ? unfit_rows(rows) : NULL;
    if (unfit) json_array_extend(found, unfit);
    json_decref(unfit);
    json_decref(differ);
    for (int i = 0; i < 2; i++) state_free(&sides[i].state);
    for (size_t i = 0; i < n; i++) free(paths[i]);
    free(paths);
    return found;
}

/* A path that is no UTF-8 does not survive in JSON, and cannot be asked for from there. */
static json_t *unfit_rows(const json_t *rows)
{
    json_t *unfit = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (strstr(fact_string(row, "path"), "\xef\xbf\xbd")) json_array_append(unfit, row);
    }
    return unfit;
}
