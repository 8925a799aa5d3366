/* Printing tables. */
#include "launcher/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/view.h"
#include "launcher/votes.h"

/* A column's heading, and its key in a server's JSON. */
struct column {
    const char *heading, *key;
};
/* The engine is shown only where there is more than one to speak of. */
static const struct column own_columns[] = {{"ID", "id"},         {"ROLE", "role"},     {"STATE", "state"},
                                            {"CLIENT", "client"}, {"QUORUM", "quorum"}, {"ELECTION", "election"},
                                            {"PID", "pid"},       {"ZXID", "zxid"},     {"ENGINE", "engine"}};
/* Of an ensemble that somebody else runs. */
static const struct column attached_columns[] = {{"ID", "id"},         {"ROLE", "role"},     {"STATE", "state"},
                                                 {"CLIENT", "client"}, {"ZXID", "zxid"},     {"SESSIONS", "sessions"},
                                                 {"ZNODES", "znodes"}, {"ENGINE", "engine"}, {"VERSION", "version"}};
enum { COLUMNS = sizeof own_columns / sizeof *own_columns };
_Static_assert(COLUMNS == sizeof attached_columns / sizeof *attached_columns, "all of both are shown");

static bool runs_apache(const json_t *servers);
static bool runs_apache(const json_t *servers)
{
    size_t i;
    json_t *server;
    json_array_foreach(servers, i, server)
    {
        if (strcmp(fact_string(server, "engine"), "apache") == 0) return true;
    }
    return false;
}

static const char *cell(const json_t *server, const char *key, char **made);
static void pages_put(struct bytes *out, const json_t *cluster, const char *kind);

void table_put(struct bytes *out, const char *const *cells, size_t columns, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        bytes_printf(out, "  ");
        for (size_t c = 0; c < columns; c++) {
            size_t width = 0;
            for (size_t k = 0; k < rows; k++) {
                size_t len = strlen(cells[k * columns + c]);
                if (len > width) width = len;
            }
            bytes_printf(out, "%-*s%s", c + 1 < columns ? (int)width : 0, cells[r * columns + c],
                         c + 1 < columns ? "  " : "\n");
        }
    }
}

/* Attached to some servers of an ensemble only, and its leader is none of them. */
static bool follows_another(const json_t *cluster)
{
    const json_t *servers = json_object_get(cluster, "servers");
    for (size_t i = 0; json_object_get(cluster, "attached") && i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        if (json_is_true(json_object_get(server, "serving"))) return true;
    }
    return false;
}

void headline_put(struct bytes *out, const json_t *cluster)
{
    size_t n = json_array_size(json_object_get(cluster, "servers"));
    int64_t leader = fact_number(cluster, "leader", -1);
    bytes_printf(out, "%zu server%s, ", n, n == 1 ? "" : "s");
    if (n == 1 && leader > 0) {
        bytes_printf(out, "standalone\n");
    } else if (leader < 0 && follows_another(cluster)) {
        bytes_printf(out, "which follow another one\n");
    } else if (leader > 0) {
        bytes_printf(out, "leader zoo%" PRId64 ", epoch %" PRId64 "\n", leader, fact_number(cluster, "epoch", 0));
    } else {
        bytes_printf(out, "no leader: ");
        votes_put_running(out, cluster);
        bytes_printf(out, ", ");
        votes_put_needed(out, cluster);
        bytes_printf(out, "\n");
    }
}

void servers_put(struct bytes *out, const json_t *cluster)
{
    const json_t *servers = json_object_get(cluster, "servers");
    bool attached = json_object_get(cluster, "attached") != NULL;
    const struct column *all = attached ? attached_columns : own_columns;
    size_t rows = json_array_size(servers) + 1, columns = attached || runs_apache(servers) ? COLUMNS : COLUMNS - 1;
    const char **cells = xcalloc(rows * columns, sizeof *cells);
    char **made = xcalloc(rows * columns, sizeof *made);
    for (size_t i = 0; i < columns; i++) cells[i] = all[i].heading;
    for (size_t i = columns; i < rows * columns; i++) {
        cells[i] = cell(json_array_get(servers, i / columns - 1), all[i % columns].key, &made[i]);
    }
    table_put(out, cells, columns, rows);
    for (size_t i = 0; i + 1 < rows; i++) {
        const json_t *server = json_array_get(servers, i);
        const char *last = fact_string(server, "last");
        if (*last) bytes_printf(out, "\n%s %s: %s\n", fact_string(server, "name"), fact_string(server, "state"), last);
    }
    struct bytes groups = {0};
    votes_put_groups(&groups, cluster, "  ");
    if (groups.len) bytes_printf(out, "\nquorum\n%.*s", (int)groups.len, (const char *)groups.data);
    bytes_free(&groups);
    const json_t *faults = json_object_get(cluster, "faults");
    if (json_array_size(faults)) bytes_printf(out, "\nfaults\n");
    for (size_t i = 0; i < json_array_size(faults); i++)
        bytes_printf(out, "  %s\n", json_string_value(json_array_get(faults, i)));
    for (size_t i = 0; i < rows * columns; i++) free(made[i]);
    free(made);
    free(cells);
}

void addresses_put(struct bytes *out, const json_t *cluster)
{
    bytes_printf(out, "\nconnect  %s\n", fact_string(cluster, "connect"));
    pages_put(out, cluster, "admin");
    pages_put(out, cluster, "metrics");
}

void connect_put(struct bytes *out, const json_t *cluster, const char *call)
{
    addresses_put(out, cluster);
    bytes_printf(out, "try      %s kill leader · %s watch · zkcli\n", call, call);
}

static const char *cell(const json_t *server, const char *key, char **made)
{
    const json_t *v = json_object_get(server, key);
    if (json_is_string(v)) return json_string_value(v);
    if (!json_is_integer(v)) return "-";
    return *made = xasprintf("%" PRId64, (int64_t)json_integer_value(v));
}

/* "admin    http://127.0.0.1:40001/commands, ..." of those that have such pages. */
static void pages_put(struct bytes *out, const json_t *cluster, const char *kind)
{
    size_t i, n = 0;
    json_t *server;
    json_array_foreach(json_object_get(cluster, "servers"), i, server)
    {
        const char *url = fact_string(server, kind);
        if (!*url) continue;
        if (n++ == 0)
            bytes_printf(out, "%-9s%s", kind, url);
        else
            bytes_printf(out, ", %s", url);
    }
    if (n > 0) bytes_printf(out, "\n");
}
