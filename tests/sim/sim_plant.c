/* Bugs planted in the code under test: which one is on, and who finds it in how many seeds. */
#include "tests/sim/sim_plant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zab/plant.h"

enum plant planted_bug = PLANT_NONE;

static const char *const names[PLANT_COUNT] = {
#define PLANT_NAME(bug, name, text) [PLANT_##bug] = (name),
    PLANTS(PLANT_NAME)
#undef PLANT_NAME
};

static const char *const texts[PLANT_COUNT] = {
#define PLANT_TEXT(bug, name, text) [PLANT_##bug] = (text),
    PLANTS(PLANT_TEXT)
#undef PLANT_TEXT
};

enum { RULES_MAX = 16 };

/* What finds a bug. */
struct finding {
    uint64_t seeds, first;
    struct {
        char rule[RULE_SIZE];
        uint64_t seeds;
    } rules[RULES_MAX];
    int n_rules;
};

const char *plant_name(void)
{
    return names[planted_bug];
}

bool plant_choose(const char *name)
{
    for (int i = 1; i < PLANT_COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        planted_bug = (enum plant)i;
        return true;
    }
    fprintf(stderr, "no bug is named '%s'; these are:\n", name);
    for (int i = 1; i < PLANT_COUNT; i++) fprintf(stderr, "  %-21s %s\n", names[i], texts[i]);
    return false;
}

static void note(void *arg, const struct run_report *r)
{
    struct finding *f = arg;
    if (r->broken[0] == '\0') return;
    if (f->seeds++ == 0 || r->seed < f->first) f->first = r->seed;
    int at = 0, len = (int)strcspn(r->broken, ":");
    while (at < f->n_rules && (strncmp(f->rules[at].rule, r->broken, (size_t)len) != 0 || f->rules[at].rule[len])) at++;
    if (at == RULES_MAX) return;
    if (at == f->n_rules) snprintf(f->rules[f->n_rules++].rule, RULE_SIZE, "%.*s", len, r->broken);
    f->rules[at].seeds++;
}

/* The rules that most seeds broke come first. */
static void print_finding(const struct run_totals *t, struct finding *f)
{
    printf("%-21s %6" PRIu64 " %6" PRIu64, plant_name(), t->runs, f->seeds);
    if (f->seeds > 0)
        printf(" %6" PRIu64, f->first);
    else
        printf("      -");
    for (int left = f->n_rules, line = 0; left > 0; left--, line++) {
        int best = 0;
        for (int i = 1; i < f->n_rules; i++)
            if (f->rules[i].seeds > f->rules[best].seeds) best = i;
        printf("%*s%5" PRIu64 " %s\n", line == 0 ? 2 : 44, "", f->rules[best].seeds, f->rules[best].rule);
        f->rules[best].seeds = 0;
    }
    if (f->n_rules == 0) putchar('\n');
}

int plant_table(const char *name, const struct many *m)
{
    bool all = strcmp(name, "all") == 0, found = true;
    if (!all && !plant_choose(name)) return 2;
    int from = all ? 1 : (int)planted_bug, to = all ? PLANT_COUNT - 1 : from;
    printf("%-21s %6s %6s %6s  %s\n", "bug", "seeds", "found", "first", "by");
    for (int i = from; i <= to; i++) {
        struct run_totals t = {0};
        struct finding f = {0};
        struct many one = *m;
        planted_bug = (enum plant)i;
        one.report = note;
        one.arg = &f;
        one.quiet = true;
        if (many_run(&one, &t) == MANY_INTERRUPTED) return 130;
        print_finding(&t, &f);
        found = found && f.seeds > 0;
    }
    return found ? 0 : 1;
}
