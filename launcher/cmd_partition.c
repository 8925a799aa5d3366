/* pseudo-cluster partition. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_partition = {
    .name = "partition",
    .args = "SIDE / SIDE [/ SIDE ...]",
    .summary = "Cuts the network between sides: partition 1 / 2,3.",
    .help =
        "A SIDE is a TARGET. Servers on different sides exchange no byte until heal: links stay open and carry\n"
        "nothing, new ones hang. Who is on no side stays joined with all; clients are not touched.\n"
        "\n" TARGET_HELP "\n"
        "Silence is noticed within syncLimit, so that is how long a leader in the smaller part goes on. Shows what\n"
        "happens up to the first write that is acknowledged again, when there is a part that can.\n"
        "\n"
        "  --timeout SECONDS   give up waiting after this long (60)\n"
        "\n" FAULT_EXITS,
    .run = run,
};

static json_t *sides_of(int n, char **words)
{
    struct bytes all = {0};
    json_t *sides = json_array();
    for (int i = 0; i < n; i++) bytes_printf(&all, "%s", words[i]);
    bytes_u8(&all, 0);
    char *rest = (char *)all.data;
    for (char *side; (side = strsep(&rest, "/"));) json_array_append_new(sides, json_string(side));
    bytes_free(&all);
    return sides;
}

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    long timeout_s = 60;
    int exit = EXIT_DONE;
    if (!fault_options(self, g, argc, argv, &timeout_s, &exit)) return exit;
    json_t *sides = sides_of(argc - optind, argv + optind);
    if (json_array_size(sides) < 2) {
        json_decref(sides);
        return command_usage(self, "it takes two sides or more, with / between them");
    }
    return fault_ask(self, g, json_pack("{s:o, s:I}", "groups", sides, "timeout_ms", (json_int_t)timeout_s * 1000));
}
