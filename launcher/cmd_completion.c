/* pseudo-cluster completion: made from the table of commands and their help. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static void put_bash(struct bytes *b);
static void put_zsh(struct bytes *b);
static void put_fish(struct bytes *b);

const struct command cmd_completion = {
    .name = "completion",
    .args = "bash | zsh | fish",
    .summary = "Prints a script that lets the shell complete command lines.",
    .help = "bash   eval \"$(pseudo-cluster completion bash)\" in ~/.bashrc\n"
            "zsh    pseudo-cluster completion zsh > \"${fpath[1]}/_pseudo-cluster\"\n"
            "fish   pseudo-cluster completion fish > ~/.config/fish/completions/pseudo-cluster.fish\n"
            "\n"
            "Exit codes: 0 printed, 2 usage.\n",
    .run = run,
};

#define TARGETS "leader follower observer random all zoo1 zoo2 zoo3"

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*put)(struct bytes *b);
    } shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    for (size_t i = 0; argc - optind == 1 && i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, argv[optind]) != 0) continue;
        struct bytes b = {0};
        shells[i].put(&b);
        talk_print(&b);
        return EXIT_DONE;
    }
    return command_usage(self, "for bash, zsh or fish");
}

/* --- what a command takes --- */

/* Walks the options that a help text describes, in lines that begin with "  -": true with *name (len bytes, dashes
 * included) and *line, the text of the whole line; *at is where to go on, NULL at first. */
static bool next_option(const char *help, const char **at, const char **name, size_t *len, const char **line)
{
    const char *p = *at ? *at : help;
    for (; *p; p = strchr(p, '\n') + 1) {
        if (p != help && p[-1] != '\n') { /* in the middle of a line: is another name of the option there? */
            const char *end = p;
            while (*end && *end != '\n' && !(end[0] == ' ' && end[1] == ' ')) end++;
            const char *dash = p;
            while (dash < end && !(dash[0] == ' ' && dash[1] == '-')) dash++;
            if (dash < end) {
                *name = dash + 1;
                goto found;
            }
        } else if (strncmp(p, "  -", 3) == 0) {
            *line = p;
            *name = p + 2;
            goto found;
        }
        if (!strchr(p, '\n')) return false;
    }
    return false;
found:
    *len = strcspn(*name, " ,=\n");
    *at = *name + *len;
    return true;
}

static bool takes_target(const struct command *c)
{
    return strstr(c->args, "TARGET") || strstr(c->args, "SERVER") || strcmp(c->name, "logs") == 0;
}

/* The words that an option line says behind its columns, without quotes. */
static void put_description(struct bytes *b, const char *line)
{
    const char *p = line + 2, *end = line + strcspn(line, "\n");
    while (p + 1 < end && !(p[0] == ' ' && p[1] == ' ')) p++;
    while (p < end && *p == ' ') p++;
    for (; p < end; p++)
        if (!strchr("'\"[]:\\", *p)) bytes_u8(b, (uint8_t)*p);
}

static void put_plain(struct bytes *b, const char *text)
{
    for (const char *p = text; *p; p++)
        if (!strchr("'\"[]:\\", *p)) bytes_u8(b, (uint8_t)*p);
}

static void put_words(struct bytes *b, const struct command *c)
{
    const char *at = NULL, *name, *line;
    size_t len;
    bytes_printf(b, "--help --json --name");
    while (next_option(c->help, &at, &name, &len, &line))
        if (len > 2) bytes_printf(b, " %.*s", (int)len, name);
    if (takes_target(c)) bytes_printf(b, " " TARGETS);
}

/* --- the shells --- */

static void put_bash(struct bytes *b)
{
    bytes_printf(b, "_pseudo_cluster() {\n"
                    "    local cur=${COMP_WORDS[COMP_CWORD]} verb= words i\n"
                    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                    "        case ${COMP_WORDS[i]} in\n"
                    "        -C | --name) ((i++)) ;;\n"
                    "        -*) ;;\n"
                    "        *) verb=${COMP_WORDS[i]}; break ;;\n"
                    "        esac\n"
                    "    done\n"
                    "    case $verb in\n"
                    "    '') words='-C --name --json --help");
    for (size_t i = 0; commands[i]; i++) bytes_printf(b, " %s", commands[i]->name);
    bytes_printf(b, "' ;;\n");
    for (size_t i = 0; commands[i]; i++) {
        bytes_printf(b, "    %s) words='", commands[i]->name);
        put_words(b, commands[i]);
        if (strcmp(commands[i]->name, "help") == 0)
            for (size_t k = 0; commands[k]; k++) bytes_printf(b, " %s", commands[k]->name);
        if (commands[i] == &cmd_completion) bytes_printf(b, " bash zsh fish");
        bytes_printf(b, "' ;;\n");
    }
    bytes_printf(b, "    esac\n"
                    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                    "}\n"
                    "complete -o default -F _pseudo_cluster pseudo-cluster\n");
}

static void put_zsh(struct bytes *b)
{
    bytes_printf(b, "#compdef pseudo-cluster\n"
                    "_pseudo_cluster() {\n"
                    "    local -a verbs words\n"
                    "    local verb= i\n"
                    "    for ((i = 2; i < CURRENT; i++)); do\n"
                    "        case ${words_typed[i]} in\n"
                    "        -C | --name) ((i++)) ;;\n"
                    "        -*) ;;\n"
                    "        *) verb=${words_typed[i]}; break ;;\n"
                    "        esac\n"
                    "    done\n"
                    "    case $verb in\n"
                    "    '')\n"
                    "        verbs=(\n");
    for (size_t i = 0; commands[i]; i++) {
        bytes_printf(b, "            '%s:", commands[i]->name);
        put_plain(b, commands[i]->summary);
        bytes_printf(b, "'\n");
    }
    bytes_printf(b, "        )\n"
                    "        _describe command verbs\n"
                    "        return\n"
                    "        ;;\n");
    for (size_t i = 0; commands[i]; i++) {
        bytes_printf(b, "    %s) words=(", commands[i]->name);
        put_words(b, commands[i]);
        bytes_printf(b, ") ;;\n");
    }
    bytes_printf(b, "    esac\n"
                    "    compadd -- $words\n"
                    "    _files\n"
                    "}\n"
                    "words_typed=(\"${words[@]}\")\n"
                    "_pseudo_cluster \"$@\"\n");
}

static void put_fish(struct bytes *b)
{
    static const char seen[] = "complete -c pseudo-cluster -n '__fish_seen_subcommand_from";
    bytes_printf(b, "complete -c pseudo-cluster -s C -r -d 'the cluster in this folder'\n"
                    "complete -c pseudo-cluster -l name -x -d 'the cluster of this name'\n"
                    "complete -c pseudo-cluster -l json -d 'machine-readable output'\n"
                    "complete -c pseudo-cluster -l help -d 'help'\n");
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        const char *at = NULL, *name, *line;
        size_t len;
        bytes_printf(b, "complete -c pseudo-cluster -n __fish_use_subcommand -f -a %s -d '", c->name);
        put_plain(b, c->summary);
        bytes_printf(b, "'\n");
        if (takes_target(c)) bytes_printf(b, "%s %s' -f -a '" TARGETS "'\n", seen, c->name);
        while (next_option(c->help, &at, &name, &len, &line)) {
            if (len <= 2) continue;
            bytes_printf(b, "%s %s' -l %.*s -d '", seen, c->name, (int)len - 2, name + 2);
            put_description(b, line);
            bytes_printf(b, "'\n");
        }
    }
}
