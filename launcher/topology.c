/* What an ensemble is to be like, beyond how many vote in it. */
#include "launcher/topology.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/command.h"
#include "launcher/text.h"

#define NOTE "run/topology.json"

enum { OBSERVERS_MOST = 60, PORT_BASE_MOST = 65000, TICK_MOST_MS = 60000 };

static bool add_line(struct topology *t, const char *line, char **why);
static bool is_groups(const char *text);
static bool is_weights(const char *text);
static void load_members(struct topology *t, const json_t *members);
static json_t *members_json(const struct topology *t);

bool topology_take(struct topology *t, int option, const char *value, char **why)
{
    int64_t us;
    switch (option) {
    case 'o':
        if (parse_number(value, 0, OBSERVERS_MOST, &t->observers)) break;
        *why = xasprintf("--observers takes a number up to %d, not '%s'", OBSERVERS_MOST, value);
        return false;
    case 'T':
        if (parse_duration(value, &us) && us >= 1000 && us <= (int64_t)TICK_MOST_MS * 1000) {
            t->tick_ms = (long)(us / 1000);
            break;
        }
        *why = xasprintf("--tick takes a time from 1ms to 60s, not '%s'", value);
        return false;
    case 'P':
        if (strcmp(value, "auto") == 0) {
            t->port_base = PORTS_AUTO;
            break;
        }
        if (parse_number(value, 1, PORT_BASE_MOST, &t->port_base)) break;
        *why = xasprintf("--ports takes auto or a port from 1 to %d, not '%s'", PORT_BASE_MOST, value);
        return false;
    case 'S':
        if (!add_line(t, value, why)) return false;
        break;
    case 'G':
        if (is_groups(value)) {
            free(t->groups);
            t->groups = xstrdup(value);
            break;
        }
        *why = xasprintf("--groups takes the servers' numbers, as in 1:2:3,4:5:6,7:8:9, not '%s'", value);
        return false;
    case 'W':
        if (is_weights(value)) {
            free(t->weights);
            t->weights = xstrdup(value);
            break;
        }
        *why = xasprintf("--weights takes 3,1,1 for zoo1, zoo2, zoo3, or 2=0,4=3 for some, not '%s'", value);
        return false;
    default: return true;
    }
    t->said = true;
    return true;
}

/* What the launcher itself has to say in each conf. */
static bool is_launchers(const char *key, size_t len)
{
    static const char *const keys[] = {"dataDir", "dataLogDir", "clientPort", "clientPortAddress"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i]) == len && strncmp(keys[i], key, len) == 0) return true;
    return strncmp(key, "server.", 7) == 0 || strncmp(key, "group.", 6) == 0 || strncmp(key, "weight.", 7) == 0;
}

static bool add_line(struct topology *t, const char *line, char **why)
{
    const char *equals = strchr(line, '=');
    if (!equals || equals == line || strpbrk(line, "\n\r") || *line == '#' || *line == '!') {
        *why = xasprintf("--set takes KEY=VALUE, not '%s'", line);
        return false;
    }
    if (is_launchers(line, (size_t)(equals - line))) {
        *why = xasprintf(
            "%.*s is the launcher's to say; --ports, -C, --name, --observers, --groups and --weights choose it",
            (int)(equals - line), line);
        return false;
    }
    bytes_printf(&t->sets, "%s\n", line);
    return true;
}

bool topology_sets(const struct topology *t, const char *key)
{
    size_t len = strlen(key);
    if (!t->sets.len) return false;
    const char *p = (const char *)t->sets.data, *end = p + t->sets.len;
    while (p < end) {
        if ((size_t)(end - p) > len && strncmp(p, key, len) == 0 && p[len] == '=') return true;
        const char *next = memchr(p, '\n', (size_t)(end - p));
        p = next ? next + 1 : end;
    }
    return false;
}

/* --- groups and weights --- */

enum { WEIGHT_MOST = 1000000 };

/* Takes a number and the separator behind it, if it is one of these; '\0' at the end. False when there is no number. */
static bool take_number(const char **p, const char *separators, long most, long *n, char *separator)
{
    char word[12];
    size_t len = strspn(*p, "0123456789");
    if (len == 0 || len >= sizeof word || ((*p)[len] && !strchr(separators, (*p)[len]))) return false;
    memcpy(word, *p, len);
    word[len] = '\0';
    *separator = (*p)[len];
    *p += len + (*separator != '\0');
    return parse_number(word, 0, most, n);
}

/* The next server of "1:2:3,4:5" and its group, counted from 1; *group begins with 1. */
static bool next_grouped(const char **p, long *id, long *group, char *separator)
{
    if (*separator == ',') ++*group;
    return take_number(p, ":,", 64, id, separator);
}

static bool is_groups(const char *text)
{
    long id, group = 1;
    char separator = ':';
    while (separator != '\0')
        if (!next_grouped(&text, &id, &group, &separator) || id == 0) return false;
    return true;
}

/* The next of "3,1,5=2": whose weight it is, by its place unless it says so. */
static bool next_weight(const char **p, long *place, long *id, long *weight, char *separator)
{
    if (!take_number(p, ",=", WEIGHT_MOST, weight, separator)) return false;
    *id = ++*place;
    if (*separator != '=') return true;
    *id = *weight;
    return take_number(p, ",", WEIGHT_MOST, weight, separator) && *id > 0;
}

static bool is_weights(const char *text)
{
    long place = 0, id, weight;
    char separator = ',';
    while (separator != '\0')
        if (!next_weight(&text, &place, &id, &weight, &separator)) return false;
    return true;
}

void topology_vote(const struct topology *t, int id, int64_t *group, int64_t *weight)
{
    long place = 0, its = 1, whose, what;
    *group = t->groups || t->weights ? 1 : 0;
    *weight = 1;
    const char *p = t->groups;
    for (char separator = ':'; p && separator != '\0' && next_grouped(&p, &whose, &its, &separator);)
        if (whose == id) *group = its;
    p = t->weights;
    for (char separator = ','; p && separator != '\0' && next_weight(&p, &place, &whose, &what, &separator);)
        if (whose == id) *weight = what;
}

bool topology_fits(const struct topology *t, size_t voters, char **why)
{
    bool grouped[65] = {false};
    long id, group = 1, place = 0, weight;
    int64_t all = 0;
    const char *p = t->groups;
    for (char separator = ':'; p && separator != '\0' && next_grouped(&p, &id, &group, &separator);) {
        if (id <= (long)voters && !grouped[id]) {
            grouped[id] = true;
            continue;
        }
        *why = id > (long)voters ? xasprintf("--groups names zoo%ld, which is no voter: there are %zu", id, voters)
                                 : xasprintf("--groups names zoo%ld twice; a server is in one group", id);
        return false;
    }
    for (size_t i = 1; t->groups && i <= voters; i++) {
        if (grouped[i]) continue;
        *why = xasprintf("--groups leaves out zoo%zu; every voter is in one group", i);
        return false;
    }
    p = t->weights;
    for (char separator = ','; p && separator != '\0' && next_weight(&p, &place, &id, &weight, &separator);) {
        if (id <= (long)voters) continue;
        *why = xasprintf("--weights gives zoo%ld a weight, which is no voter: there are %zu", id, voters);
        return false;
    }
    for (size_t i = 1; i <= voters; i++) {
        int64_t its, what;
        topology_vote(t, (int)i, &its, &what);
        all += what;
    }
    if (all == 0) *why = xstrdup("--weights leaves nobody who could be elected; give a server some weight");
    return all > 0;
}

/* --- the note --- */

static void load_members(struct topology *t, const json_t *members)
{
    size_t i;
    json_t *m;
    t->members = xcalloc(json_array_size(members) + 1, sizeof *t->members);
    json_array_foreach(members, i, m)
    {
        json_int_t id = json_integer_value(json_object_get(m, "id"));
        const char *engine = json_string_value(json_object_get(m, "engine"));
        if (id < 1 || id > 64 || t->n_members == 64) continue;
        t->members[t->n_members++] = (struct topology_member){
            .id = (int)id,
            .observer = json_is_true(json_object_get(m, "observer")),
            .engine = engine && strcmp(engine, engine_name(ENGINE_APACHE)) == 0 ? ENGINE_APACHE : ENGINE_ZKSERVER,
            .group = json_integer_value(json_object_get(m, "group")),
            .weight = json_integer_value(json_object_get(m, "weight"))};
    }
}

static json_t *members_json(const struct topology *t)
{
    json_t *all = json_array();
    for (size_t i = 0; i < t->n_members; i++) {
        const struct topology_member *m = &t->members[i];
        json_array_append_new(all, json_pack("{s:i, s:b, s:s, s:I, s:I}", "id", m->id, "observer", m->observer,
                                             "engine", engine_name(m->engine), "group", (json_int_t)m->group, "weight",
                                             (json_int_t)m->weight));
    }
    return all;
}

void topology_load(struct topology *t, const char *dir)
{
    char *path = xasprintf("%s/" NOTE, dir);
    json_t *note = json_load_file(path, 0, NULL);
    const json_t *sets = json_object_get(note, "set");
    *t = (struct topology){.observers = (long)json_integer_value(json_object_get(note, "observers")),
                           .tick_ms = (long)json_integer_value(json_object_get(note, "tick_ms")),
                           .port_base = (long)json_integer_value(json_object_get(note, "port_base"))};
    bool good = t->observers >= 0 && t->observers <= OBSERVERS_MOST && t->tick_ms >= 0 && t->tick_ms <= TICK_MOST_MS &&
                t->port_base >= PORTS_AUTO && t->port_base <= PORT_BASE_MOST;
    if (!good) *t = (struct topology){0};
    const char *groups = json_string_value(json_object_get(note, "groups")),
               *weights = json_string_value(json_object_get(note, "weights"));
    if (good && groups && is_groups(groups)) t->groups = xstrdup(groups);
    if (good && weights && is_weights(weights)) t->weights = xstrdup(weights);
    if (good) load_members(t, json_object_get(note, "members"));
    t->leaving = (int)json_integer_value(json_object_get(note, "leaving"));
    t->leaving_keeps_data = json_is_true(json_object_get(note, "leaving_keeps_data"));
    for (size_t i = 0; good && i < json_array_size(sets); i++) {
        const char *line = json_string_value(json_array_get(sets, i));
        char *why = NULL;
        if (line && !add_line(t, line, &why)) free(why);
    }
    json_decref(note);
    free(path);
}

bool topology_store(const struct topology *t, const char *dir, char **why)
{
    char *path = xasprintf("%s/" NOTE, dir);
    json_t *sets = json_array();
    const char *p = t->sets.len ? (const char *)t->sets.data : "", *end = p + t->sets.len;
    for (const char *next; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t)(end - p));
        json_array_append_new(sets, json_stringn(p, (size_t)(next - p)));
    }
    json_t *note = json_pack("{s:I, s:I, s:I, s:o}", "observers", (json_int_t)t->observers, "tick_ms",
                             (json_int_t)t->tick_ms, "port_base", (json_int_t)t->port_base, "set", sets);
    if (t->groups) json_object_set_new(note, "groups", json_string(t->groups));
    if (t->weights) json_object_set_new(note, "weights", json_string(t->weights));
    if (t->n_members) json_object_set_new(note, "members", members_json(t));
    if (t->leaving) json_object_set_new(note, "leaving", json_integer(t->leaving));
    if (t->leaving) json_object_set_new(note, "leaving_keeps_data", json_boolean(t->leaving_keeps_data));
    char *draft = xasprintf("%s.new", path);
    bool ok = json_dump_file(note, draft, JSON_COMPACT) == 0 && rename(draft, path) == 0;
    free(draft);
    if (!ok) *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    json_decref(note);
    free(path);
    return ok;
}

void topology_free(struct topology *t)
{
    bytes_free(&t->sets);
    free(t->groups);
    free(t->weights);
    free(t->members);
    *t = (struct topology){0};
}
