/* pseudo-cluster expire. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static json_t *make_request(const struct command *self, const char *session, const char *owner, bool all, int *exit);

const struct command cmd_expire = {
    .name = "expire",
    .args = "SESSION | --owner PATH | --all",
    .summary = "Expires sessions in the whole ensemble, as silence of their clients does.",
    .help = "The leader closes them by a transaction: their ephemerals go everywhere, their clients are told that the\n"
            "session has expired. Returns when that is committed.\n"
            "\n"
            "  SESSION        as clients and logs show it: 0x100a5c2f3e80000\n"
            "  --owner PATH   the one that owns this ephemeral\n"
            "  --all          every one; the launcher's own probes among them, when there are any\n"
            "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"owner", required_argument, NULL, 'o'}, {"all", no_argument, NULL, 'a'}, {0}};
    const char *owner = NULL;
    bool all = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'o') owner = optarg;
        if (o == 'a') all = true;
    }
    if ((argc - optind) + (owner != NULL) + all != 1)
        return command_usage(self, "one of a session, --owner PATH and --all");
    json_t *request = make_request(self, all || owner ? NULL : argv[optind], owner, all, &exit);
    return request ? fault_ask(self, g, request) : exit;
}

static json_t *make_request(const struct command *self, const char *session, const char *owner, bool all, int *exit)
{
    if (owner && *owner != '/') {
        *exit = command_usage(self, "a path begins with /, not as '%s'", owner);
        return NULL;
    }
    if (owner) return json_pack("{s:s}", "owner", owner);
    if (all) return json_pack("{s:b}", "all", true);
    char *end, hex[24];
    errno = 0;
    unsigned long long id = strtoull(session, &end, 16);
    if (errno || *end || end == session || *session == '-' || id == 0) {
        *exit =
            command_usage(self, "'%s' is no session; a session is a hexadecimal number as 0x100a5c2f3e80000", session);
        return NULL;
    }
    snprintf(hex, sizeof hex, "0x%llx", id);
    return json_pack("{s:s}", "session", hex);
}
