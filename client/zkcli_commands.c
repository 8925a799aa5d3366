/* Every command of the shell, once. */
#include <string.h>

#include "client/zkcli.h"

const struct command commands[] = {
    {"addWatch", "[-m PERSISTENT|PERSISTENT_RECURSIVE] path", "m:", 1, 1, false, cmd_addwatch},
    {"addauth", "scheme auth", "", 1, 2, false, cmd_addauth},
    {"close", "", "", 0, 0, true, cmd_close},
    {"config", "[-c] [-w] [-s]", "cws", 0, 0, false, cmd_config},
    {"connect", "[host:port[,host:port...][/chroot]]", "", 0, 1, true, cmd_connect},
    {"create", "[-s] [-e] [-c] [-t ttl] path [data] [acl]", "sect:", 1, 3, false, cmd_create},
    {"delete", "[-v version] path", "v:", 1, 1, false, cmd_delete},
    {"deleteall", "path [-b batch size]", "b:", 1, 1, false, cmd_deleteall},
    {"get", "[-s] [-w] path", "sw", 1, 2, false, cmd_get},
    {"getAcl", "[-s] path", "s", 1, 1, false, cmd_getacl},
    {"getAllChildrenNumber", "path", "", 1, 1, false, cmd_all_children_number},
    {"getEphemerals", "[path]", "", 0, 1, false, cmd_ephemerals},
    {"help", "", "", 0, 1, true, cmd_help},
    {"history", "", "", 0, 0, true, cmd_history},
    {"ls", "[-s] [-w] [-R] path", "swR", 1, 2, false, cmd_ls},
    {"printwatches", "on|off", "", 0, 1, true, cmd_printwatches},
    {"quit", "", "", 0, 0, true, cmd_quit},
    {"redo", "cmdno", "", 1, 1, true, cmd_redo},
    {"removewatches", "path [-c|-d|-a] [-l]", "cdal", 1, 1, false, cmd_removewatches},
    {"set", "[-s] [-v version] path data", "sv:", 2, 2, false, cmd_set},
    {"setAcl", "[-s] [-v version] [-R] path acl", "sv:R", 2, 2, false, cmd_setacl},
    {"stat", "[-w] path", "w", 1, 2, false, cmd_stat},
    {"sync", "path", "", 1, 1, false, cmd_sync},
    {"version", "", "", 0, 0, true, cmd_version},
    {"whoami", "", "", 0, 0, false, cmd_whoami},
    {NULL, NULL, NULL, 0, 0, false, NULL},
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) return c;
    }
    return NULL;
}
