/* The table of faults, and what their verbs are told. */
#include "launcher/torture_kinds.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/torture_faults.h"

static fault_detail_fn both_ways, one_way, delays, refuses, cuts, shifts, without_power, at_a_step, slows_disk,
    fills_disk, breaks_disk;

static char *kinds_text(verb_exists_fn *exists);

const struct fault_kind fault_kinds[] = {
    {"kill", "kill", "restart", NULL, HITS_SERVER, false, "killed", 100, 3000},
    {"pause", "pause", "resume", NULL, HITS_SERVER, true, "paused", 100, 5000},
    {"stop", "stop", "restart", NULL, HITS_SERVER, false, "stopped", 100, 2000},
    {"restart-all", "restart", NULL, NULL, HITS_ALL, false, "restarting", 0, 0},
    {"power-loss", "kill", "restart", without_power, HITS_SERVER, false, "without power", 100, 3000},
    {"blackout", "kill", "restart", without_power, HITS_ALL, false, "without power", 100, 1000},
    {"kill-at", "kill", "restart", at_a_step, HITS_LEADING, false, "to die at a step", 200, 3000},
    {"partition", "partition", "heal", NULL, HITS_SIDES, true, "parted", 200, 5000},
    {"isolate", "isolate", "heal", both_ways, HITS_SERVER, true, "isolated", 200, 5000},
    {"one-way", "isolate", "heal", one_way, HITS_SERVER, true, "isolated one way", 200, 5000},
    {"slow", "slow", "heal", delays, HITS_SERVER, true, "slow", 200, 3000},
    {"drop-clients", "drop-clients", "heal", refuses, HITS_SERVER, false, "without clients", 100, 2000},
    {"cut-clients", "drop-clients", "heal", cuts, HITS_SERVER, false, "cut off from clients", 200, 5000},
    {"disk-slow", "disk", "disk", slows_disk, HITS_SERVER, false, "with a slow disk", 200, 4000},
    {"disk-full", "disk", "disk", fills_disk, HITS_SERVER, false, "with a full disk", 200, 3000},
    {"disk-eio", "disk", "disk", breaks_disk, HITS_SERVER, false, "with a failing disk", 200, 3000},
    {"expire", "expire", NULL, NULL, HITS_SESSION, false, "expiring", 0, 0},
    {"stepdown", "stepdown", NULL, NULL, HITS_LEADER, true, "stepping down", 0, 0},
    {"clock", "clock", "clock", shifts, HITS_SERVER, false, "with another clock", 500, 5000},
};

const size_t fault_kinds_n = sizeof fault_kinds / sizeof *fault_kinds;
_Static_assert(sizeof fault_kinds / sizeof *fault_kinds <= FAULT_KINDS_MOST, "a choice has room for every kind");

enum {
    SLOW_MOST_US = 200000,
    DISK_SLOW_MOST_US = 500000,
    SHIFT_MOST_MS = 3600000,
};

int faults_choose(const char *text, verb_exists_fn *exists, struct fault_choice *choice, char **why)
{
    *choice = (struct fault_choice){0};
    if (text && strcmp(text, "all") == 0) text = NULL;
    for (size_t i = 0; i < fault_kinds_n && !text; i++) choice->wanted[i] = exists(fault_kinds[i].verb);
    char *copy = xstrdup(text ? text : ""), *rest = copy;
    int result = 0;
    for (char *word; text && result == 0 && (word = strsep(&rest, ","));) {
        size_t i = 0;
        while (i < fault_kinds_n && strcmp(fault_kinds[i].name, word) != 0) i++;
        if (i < fault_kinds_n && exists(fault_kinds[i].verb)) {
            choice->wanted[i] = true;
            continue;
        }
        char *all = kinds_text(exists);
        *why = xasprintf("there is no fault '%s'; there are: %s", word, all);
        free(all);
        result = -1;
    }
    free(copy);
    return result;
}

/* What undoes it: a disk by the same verb, a clock by its own word. */
void fault_kind_undo(const struct fault_kind *k, json_t *request)
{
    if (strcmp(k->undo, "clock") == 0) json_object_set_new(request, "reset", json_true());
    if (strcmp(k->undo, "disk") == 0) json_object_set_new(request, "mode", json_string("ok"));
}

/* "kill, pause, ...": all that exist; to be freed. */
static char *kinds_text(verb_exists_fn *exists)
{
    struct bytes b = {0};
    for (size_t i = 0; i < fault_kinds_n; i++) {
        if (exists(fault_kinds[i].verb)) bytes_printf(&b, "%s%s", b.len ? ", " : "", fault_kinds[i].name);
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}

/* --- what verbs take besides their target --- */

static void both_ways(struct rnd *rnd, json_t *request)
{
    (void)rnd;
    json_object_set_new(request, "way", json_string("both"));
}

static void one_way(struct rnd *rnd, json_t *request)
{
    json_object_set_new(request, "way", json_string(rnd_below(rnd, 2) ? "in" : "out"));
}

static void delays(struct rnd *rnd, json_t *request)
{
    uint64_t delay = rnd_below(rnd, SLOW_MOST_US), jitter = rnd_below(rnd, delay + 1);
    json_object_set_new(request, "delay_us", json_integer((json_int_t)delay));
    json_object_set_new(request, "jitter_us", json_integer((json_int_t)jitter));
}

static void refuses(struct rnd *rnd, json_t *request)
{
    json_object_set_new(request, "refuse", json_boolean(rnd_below(rnd, 2) == 0));
}

static void cuts(struct rnd *rnd, json_t *request)
{
    (void)rnd;
    json_object_set_new(request, "cut", json_true());
}

static void shifts(struct rnd *rnd, json_t *request)
{
    json_object_set_new(request, "shift_ms",
                        json_integer((json_int_t)rnd_below(rnd, 2 * SHIFT_MOST_MS + 1) - SHIFT_MOST_MS));
}

static void without_power(struct rnd *rnd, json_t *request)
{
    (void)rnd;
    json_object_set_new(request, "power_loss", json_true());
}

static void at_a_step(struct rnd *rnd, json_t *request)
{
    static const char *const steps[] = {"propose", "quorum-acked", "commit"};
    json_object_set_new(request, "at", json_string(steps[rnd_below(rnd, 3)]));
    json_object_set_new(request, "power_loss", json_boolean(rnd_below(rnd, 2) == 0));
}

static void slows_disk(struct rnd *rnd, json_t *request)
{
    json_object_set_new(request, "mode", json_string("slow"));
    json_object_set_new(request, "slow_us", json_integer((json_int_t)rnd_below(rnd, DISK_SLOW_MOST_US)));
}

static void fills_disk(struct rnd *rnd, json_t *request)
{
    (void)rnd;
    json_object_set_new(request, "mode", json_string("full"));
}

static void breaks_disk(struct rnd *rnd, json_t *request)
{
    (void)rnd;
    json_object_set_new(request, "mode", json_string("eio"));
}
