/* pseudo-cluster env. */
#include <stdlib.h>
#include <string.h>

#include "launcher/talk.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static void put_quoted(struct bytes *b, const char *text);

const struct command cmd_env = {
    .name = "env",
    .args = "[--shell sh | fish]",
    .summary = "Prints the connect string as variables, for eval.",
    .help = "eval \"$(pseudo-cluster env)\" sets what run sets for its command: ZOOKEEPER_CONNECT, ZK_HOSTS, "
            "ZOOKEEPER_HOSTS and\n"
            "PSEUDO_CLUSTER_DIR.\n"
            "\n"
            "  --shell SHELL   sh (also bash, zsh) or fish; without: as $SHELL says\n"
            "\n"
            "--json prints an object with these names.\n"
            "\n"
            "Exit codes: 0 printed, 1 failed, 2 usage, 3 no cluster runs.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"shell", required_argument, NULL, 's'}, {0}};
    static const char *const names[] = {"ZOOKEEPER_CONNECT", "ZK_HOSTS", "ZOOKEEPER_HOSTS", "PSEUDO_CLUSTER_DIR"};
    const char *shell = getenv("SHELL");
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 's') shell = optarg;
    }
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    const char *slash = shell ? strrchr(shell, '/') : NULL;
    bool fish = shell && strcmp(slash ? slash + 1 : shell, "fish") == 0;
    struct cluster cluster;
    struct control control;
    exit = talk_open(g, &cluster, &control);
    if (exit) return exit;
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL), *all = json_object();
    struct bytes b = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool dir = i == 3;
        const char *value = dir ? cluster.dir : fact_string(json_object_get(end, "cluster"), "connect");
        json_object_set_new(all, names[i], json_string(value));
        bytes_printf(&b, fish ? "set -gx %s " : "export %s=", names[i]);
        put_quoted(&b, value);
        bytes_printf(&b, fish ? ";\n" : "\n");
    }
    if (g->json)
        talk_json(all);
    else if (end)
        talk_print(&b);
    bytes_free(&b);
    json_decref(all);
    control_close(&control);
    cluster_free(&cluster);
    return talk_end(end);
}

/* A ' ends the quotes, stands alone behind a backslash, and they begin anew: so in both kinds of shells. */
static void put_quoted(struct bytes *b, const char *text)
{
    bytes_u8(b, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            bytes_printf(b, "'\\''");
        else
            bytes_u8(b, (uint8_t)*p);
    }
    bytes_u8(b, '\'');
}
