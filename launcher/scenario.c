/* Running a scenario's script, and reporting what it asserted. */
#include "launcher/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/command.h"
#include "launcher/platform.h"
#include "launcher/text.h"

#define REPORT_VARIABLE "PSEUDO_CLUSTER_REPORT"

/* What a script may call by its bare name. A name with a hyphen is no function's: drop-clients is drop_clients there.
 */
static const char *const verbs[] = {"status",  "kill", "stop",   "restart",      "pause", "resume", "partition",
                                    "isolate", "heal", "slow",   "drop-clients", "disk",  "expire", "stepdown",
                                    "clock",   "add",  "remove", "wait",         "assert", "save",  "reset",  "diff"};

static char *report_path(const char *folder);
static bool write_functions(const char *path, char **why);
static void put_xml(struct bytes *b, const char *text);

void scenario_report(const char *name, bool passed, const char *is)
{
    const char *path = getenv(REPORT_VARIABLE);
    int fd = path && *path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd < 0) return;
    json_t *line =
        json_pack("{s:s, s:b, s:s, s:I}", "name", name, "passed", passed, "is", is, "t", (json_int_t)clock_us());
    char *text = json_dumps(line, JSON_COMPACT);
    dprintf(fd, "%s\n", text);
    free(text);
    json_decref(line);
    close(fd);
}

pid_t scenario_start(const char *script, const char *folder, pid_t pid_of_command, char **why)
{
    char *path = realpath(script, NULL);
    if (!path || access(path, R_OK) != 0) {
        *why = xasprintf("cannot read the scenario %s: %s", script, strerror(errno));
        free(path);
        return -1;
    }
    char *functions = xasprintf("%s/run/verbs.sh", folder), *report = report_path(folder);
    pid_t pid = -1;
    int fd = open(report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        *why = xasprintf("cannot write %s: %s", report, strerror(errno));
    else
        close(fd);
    if (fd >= 0 && write_functions(functions, why)) {
        char *own = platform_own_path(), number[24] = "";
        if (pid_of_command) snprintf(number, sizeof number, "%ld", (long)pid_of_command);
        setenv("PSEUDO_CLUSTER", own ? own : "pseudo-cluster", 1);
        setenv("PSEUDO_CLUSTER_COMMAND", number, 1);
        setenv(REPORT_VARIABLE, report, 1);
        free(own);
        fflush(NULL);
        pid = fork();
        if (pid < 0) *why = xasprintf("cannot start a process: %s", strerror(errno));
    }
    if (pid == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is the command's, or the report's */
        execl("/bin/sh", "sh", "-e", "-c", ". \"$0\"; . \"$1\"", functions, path, (char *)NULL);
        _exit(127);
    }
    free(functions);
    free(report);
    free(path);
    return pid;
}

static char *report_path(const char *folder)
{
    return xasprintf("%s/run/report.jsonl", folder);
}

static bool write_functions(const char *path, char **why)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        *why = xasprintf("cannot write %s: %s", path, strerror(errno));
        return false;
    }
    fprintf(f, "# The verbs of pseudo-cluster as functions, for scenarios.\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char *name = xstrdup(verbs[i]);
        for (char *p = name; *p; p++)
            if (*p == '-') *p = '_';
        fprintf(f, "%s() { \"$PSEUDO_CLUSTER\" %s \"$@\"; }\n", name, verbs[i]);
        free(name);
    }
    fprintf(f, "# True while the command that the scenario accompanies runs.\n"
               "running() { [ -n \"$PSEUDO_CLUSTER_COMMAND\" ] && command kill -0 \"$PSEUDO_CLUSTER_COMMAND\" "
               "2>/dev/null; }\n");
    bool ok = fclose(f) == 0;
    if (!ok) *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    return ok;
}

/* --- the report --- */

json_t *scenario_read(const char *folder)
{
    char *path = report_path(folder), *line = NULL;
    size_t room = 0;
    json_t *all = json_array();
    FILE *f = fopen(path, "r");
    while (f && getline(&line, &room, f) > 0) {
        json_t *test = json_loads(line, 0, NULL);
        if (json_is_object(test))
            json_array_append_new(all, test);
        else
            json_decref(test);
    }
    if (f) fclose(f);
    free(line);
    free(path);
    return all;
}

void scenario_tap(struct bytes *b, const struct scenario_test *tests, size_t n)
{
    bytes_printf(b, "TAP version 13\n1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        const struct scenario_test *t = &tests[i];
        bytes_printf(b, "%sok %zu - ", t->passed ? "" : "not ", i + 1);
        /* A # would begin a directive. */
        for (const char *p = t->name; *p; p++) bytes_printf(b, *p == '#' ? "\\%c" : "%c", *p == '\n' ? ' ' : *p);
        bytes_printf(b, "\n");
        if (!t->passed && *t->is) bytes_printf(b, "# it is %s\n", t->is);
    }
}

void scenario_junit(struct bytes *b, const char *name, const struct scenario_test *tests, size_t n)
{
    size_t failed = 0;
    int64_t took_us = 0;
    for (size_t i = 0; i < n; i++) {
        failed += !tests[i].passed;
        took_us += tests[i].took_us;
    }
    bytes_printf(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"");
    put_xml(b, name);
    bytes_printf(b, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n", n, failed,
                 (double)took_us / 1e6);
    for (size_t i = 0; i < n; i++) {
        const struct scenario_test *t = &tests[i];
        bytes_printf(b, "    <testcase classname=\"");
        put_xml(b, name);
        bytes_printf(b, "\" name=\"");
        put_xml(b, t->name);
        bytes_printf(b, "\" time=\"%.3f\"", (double)t->took_us / 1e6);
        if (t->passed) {
            bytes_printf(b, "/>\n");
            continue;
        }
        bytes_printf(b, ">\n      <failure message=\"it is ");
        put_xml(b, t->is);
        bytes_printf(b, "\"/>\n    </testcase>\n");
    }
    bytes_printf(b, "  </testsuite>\n</testsuites>\n");
}

/* What XML 1.0 has no place for becomes a question mark. */
static void put_xml(struct bytes *b, const char *text)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\n', "&#10;"}};
    for (const char *p = text; *p; p++) {
        size_t i = 0;
        while (i < sizeof entities / sizeof *entities && entities[i].c != *p) i++;
        if (i < sizeof entities / sizeof *entities)
            bytes_printf(b, "%s", entities[i].entity);
        else
            bytes_u8(b, (unsigned char)*p < 0x20 && *p != '\t' ? '?' : (uint8_t)*p);
    }
}
