/* pseudo-cluster ps. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/running.h"
#include "launcher/table.h"
#include "launcher/talk.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static json_t *ask(const char *dir);
static void put_row(const char **cells, char **made, const json_t *cluster);

const struct command cmd_ps = {
    .name = "ps",
    .args = "",
    .summary = "Shows all clusters of this user that run.",
    .help = "Those of run as well. --json prints an object a cluster, as status --json does.\n"
            "\n"
            "Exit codes: 0 shown, 1 failed, 2 usage.\n",
    .run = run,
};

enum { COLUMNS = 5 };

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    char **dirs = running_list();
    size_t n = 0;
    while (dirs[n]) n++;
    json_t **all = xcalloc(n + 1, sizeof(json_t *));
    const char **cells = xcalloc((n + 1) * COLUMNS, sizeof *cells);
    char **made = xcalloc((n + 1) * COLUMNS, sizeof *made);
    static const char *const headings[COLUMNS] = {"SERVERS", "LEADER", "PID", "CONNECT", "FOLDER"};
    memcpy(cells, headings, sizeof headings);
    size_t rows = 1;
    for (size_t i = 0; i < n; i++) {
        if (!(all[i] = ask(dirs[i]))) continue;
        if (g->json) talk_json(all[i]);
        put_row(cells + rows * COLUMNS, made + rows * COLUMNS, all[i]);
        rows++;
    }
    struct bytes b = {0};
    if (!g->json && rows > 1) table_put(&b, cells, COLUMNS, rows);
    if (!g->json && rows == 1) bytes_printf(&b, "no cluster runs; start one: pseudo-cluster up 3\n");
    talk_print(&b);
    for (size_t i = 0; i < rows * COLUMNS; i++) free(made[i]);
    for (size_t i = 0; i < n; i++) json_decref(all[i]);
    free(made);
    free(cells);
    free(all);
    running_free(dirs);
    return EXIT_DONE;
}

/* Its status, a new reference; NULL when it has gone meanwhile. */
static json_t *ask(const char *dir)
{
    struct cluster c = {.dir = (char *)dir, .name = (char *)dir, .call = (char *)"pseudo-cluster"};
    struct control control;
    char *why = NULL;
    if (control_open(&control, &c, &why) != 0) {
        free(why);
        return NULL;
    }
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    json_t *cluster = json_incref(json_object_get(end, "cluster"));
    json_decref(end);
    control_close(&control);
    return cluster;
}

static void put_row(const char **cells, char **made, const json_t *cluster)
{
    const json_t *servers = json_object_get(cluster, "servers");
    size_t serving = 0, n = json_array_size(servers);
    int64_t leader = fact_number(cluster, "leader", -1);
    for (size_t i = 0; i < n; i++) serving += json_is_true(json_object_get(json_array_get(servers, i), "serving"));
    cells[0] = made[0] = xasprintf("%zu of %zu", serving, n);
    cells[1] = made[1] = leader > 0 ? xasprintf("zoo%" PRId64, leader) : xstrdup("-");
    cells[2] = made[2] = xasprintf("%" PRId64, fact_number(cluster, "supervisor", 0));
    cells[3] = fact_string(cluster, "connect");
    cells[4] = fact_string(cluster, "dir");
}
