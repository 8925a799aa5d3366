/* Every command of the shell, once. The usages are those of Apache's shell: people have them in their notes. */
#include <string.h>

#include "client/zkcli.h"

const struct command commands[] = {
    {"addWatch",
     "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE",
     "m:", 1, 1, 0, cmd_addwatch},
    {"addauth", "scheme auth", "", 1, 2, 0, cmd_addauth},
    {"close", "", "", 0, 0, COMMAND_OFFLINE, cmd_close},
    {"config", "[-c] [-w] [-s]", "cws", 0, 0, 0, cmd_config},
    {"connect", "host:port", "", 0, 1, COMMAND_OFFLINE, cmd_connect},
    {"create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]", "sect:", 1, 3, 0, cmd_create},
    {"delete", "[-v version] path", "v:", 1, 2, 0, cmd_delete},
    {"deleteall", "path [-b batch size]", "b:", 1, 1, 0, cmd_deleteall},
    {"delquota", "[-n|-b|-N|-B] path", "|nbNB", 1, 1, 0, cmd_delquota},
    {"get", "[-s] [-w] path", "sw", 1, 2, 0, cmd_get},
    {"getAcl", "[-s] path", "s", 1, 1, 0, cmd_getacl},
    {"getAllChildrenNumber", "path", "", 1, 1, 0, cmd_all_children_number},
    {"getEphemerals", "path", "", 0, 1, 0, cmd_ephemerals},
    {"help", "", "", 0, 1, COMMAND_OFFLINE | COMMAND_OURS, cmd_help},
    {"history", "", "", 0, 0, COMMAND_OFFLINE, cmd_history},
    {"listquota", "path", "", 1, 1, 0, cmd_listquota},
    {"ls", "[-s] [-w] [-R] path", "?Rsw", 1, 2, 0, cmd_ls},
    {"ls2", "path [watch]", "", 1, 2, COMMAND_OLD, cmd_ls2},
    {"printwatches", "on|off", "", 0, 1, COMMAND_OFFLINE, cmd_printwatches},
    {"quit", "", "", 0, 0, COMMAND_OFFLINE, cmd_quit},
    {"reconfig",
     "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | "
     "[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
     "sv:F:(file)M:(members)A:(add)R:(remove)", 0, 0, 0, cmd_reconfig},
    {"redo", "cmdno", "", 1, 1, COMMAND_OFFLINE, cmd_redo},
    {"removewatches", "path [-c|-d|-a] [-l]", "cdal", 1, 1, 0, cmd_removewatches},
    {"rmr", "path", "", 1, 1, COMMAND_OLD, cmd_rmr},
    {"set", "[-s] [-v version] path data", "sv:", 2, 3, 0, cmd_set},
    {"setAcl", "[-s] [-v version] [-R] path acl", "sv:R", 2, 3, 0, cmd_setacl},
    {"setquota", "-n|-b|-N|-B val path", "|!n:b:N:B:", 1, 1, 0, cmd_setquota},
    {"stat", "[-w] path", "w", 1, 2, 0, cmd_stat},
    {"sync", "path", "", 1, 1, 0, cmd_sync},
    {"version", "", "", 0, 0, COMMAND_OFFLINE, cmd_version},
    {"whoami", "", "", 0, 0, 0, cmd_whoami},
    {NULL, NULL, NULL, 0, 0, 0, NULL},
};

/* What an option means, where a message or a help text says it. */
static const struct {
    const char *command;
    char letter;
    const char *meaning;
} meanings[] = {
    {"ls", '?', "help"},
    {"ls", 'R', "recurse"},
    {"ls", 's', "stat"},
    {"ls", 'w', "watch"},
    {"setquota", 'n', "num soft quota"},
    {"setquota", 'b', "bytes soft quota"},
    {"setquota", 'N', "num hard quota"},
    {"setquota", 'B', "bytes hard quota"},
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) return c;
    }
    return NULL;
}

const char *option_meaning(const struct command *c, char letter)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (strcmp(meanings[i].command, c->name) == 0 && meanings[i].letter == letter) return meanings[i].meaning;
    }
    return "";
}
