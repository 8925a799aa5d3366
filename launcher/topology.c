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
    return strncmp(key, "server.", 7) == 0;
}

static bool add_line(struct topology *t, const char *line, char **why)
{
    const char *equals = strchr(line, '=');
    if (!equals || equals == line || strpbrk(line, "\n\r") || *line == '#' || *line == '!') {
        *why = xasprintf("--set takes KEY=VALUE, not '%s'", line);
        return false;
    }
    if (is_launchers(line, (size_t)(equals - line))) {
        *why = xasprintf("%.*s is the launcher's to say; --ports, -C, --name and --observers choose it",
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
    bool ok = json_dump_file(note, path, JSON_COMPACT) == 0;
    if (!ok) *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    json_decref(note);
    free(path);
    return ok;
}

void topology_free(struct topology *t)
{
    bytes_free(&t->sets);
}
