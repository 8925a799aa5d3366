/* Finding Apache ZooKeeper. */
#include "launcher/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/cluster.h"
#include "launcher/text.h"
#include "server/conf.h"

#define MAIN_CLASS  "org.apache.zookeeper.server.quorum.QuorumPeerMain"
#define DEBIAN_JARS "/usr/share/java/"

/* Without these a JVM takes a quarter of the machine's memory and as many threads as it has cores. */
static const char *const light_flags[] = {"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                          "-XX:-UsePerfData"};
/* Apache's digest of a path is made of its bytes in the encoding of the locale: members must have one. */
static const char encoding_flag[] = "-Dfile.encoding=UTF-8";

static char *find_java(char **why);
static char *find_class_path(char **why);
static size_t add_properties(char **argv, size_t n, const char *path);
static size_t add_words(char **argv, size_t n, size_t most, const char *words);

const char *engine_name(enum engine e)
{
    static const char *const names[] = {
        [ENGINE_ZKSERVER] = "zkserver", [ENGINE_APACHE] = "apache", [ENGINE_FOREIGN] = "foreign"};
    return names[e];
}

bool engine_parse(const char *text, int *apaches, char **why)
{
    static const char counted[] = "apache:";
    long n = ENGINE_ALL;
    bool known = strcmp(text, "apache") == 0;
    if (strcmp(text, "zkserver") == 0) {
        n = 0;
        known = true;
    } else if (strncmp(text, counted, sizeof counted - 1) == 0) {
        known = parse_number(text + sizeof counted - 1, 0, MEMBERS_MOST, &n);
    }
    *apaches = (int)n;
    if (!known)
        *why = xasprintf("--engine takes zkserver, apache, or apache:N for the last N of the servers, not '%s'", text);
    return known;
}

char **engine_apache_command(const char *conf, char *const variables[2], char **why)
{
    enum { WORDS_MOST = 128, LAST = 12 };
    char *java = find_java(why), *class_path = java ? find_class_path(why) : NULL;
    if (!class_path) {
        free(java);
        return NULL;
    }
    char **argv = xcalloc(WORDS_MOST, sizeof *argv);
    const char *server = getenv("SERVER_JVMFLAGS"), *jvm = getenv("JVMFLAGS");
    size_t n = 0;
    if (variables) {
        argv[n++] = xstrdup("/usr/bin/env");
        argv[n++] = xstrdup(variables[0]);
        argv[n++] = xstrdup(variables[1]);
    }
    argv[n++] = java;
    argv[n++] = xstrdup(encoding_flag); /* before others, which may say otherwise */
    if (!server && !jvm)
        for (size_t i = 0; i < sizeof light_flags / sizeof *light_flags; i++) argv[n++] = xstrdup(light_flags[i]);
    if (server) n = add_words(argv, n, WORDS_MOST - LAST, server);
    if (jvm) n = add_words(argv, n, WORDS_MOST - LAST, jvm);
    argv[n++] = xstrdup("-Dzookeeper.admin.enableServer=false");
    /* What the supervisor asks; a conf that says otherwise counts. */
    argv[n++] = xstrdup("-Dzookeeper.4lw.commands.whitelist=srvr,mntr,dump");
    argv[n++] = xstrdup("-Dorg.slf4j.simpleLogger.showDateTime=true");
    n = add_properties(argv, n, conf);
    argv[n++] = xstrdup("-cp");
    argv[n++] = class_path;
    argv[n++] = xstrdup(MAIN_CLASS);
    argv[n++] = xstrdup(conf);
    return argv;
}

void engine_command_free(char **command)
{
    for (size_t i = 0; command && command[i]; i++) free(command[i]);
    free(command);
}

/* What Apache takes as properties of the JVM alone, never from the file. */
static size_t add_properties(char **argv, size_t n, const char *path)
{
    static const char *const keys[] = {"readonlymode.enabled", "jute.maxbuffer"};
    struct conf conf;
    char error[CONF_ERROR_MAX];
    bool read = conf_read(&conf, path, error) == 0;
    for (size_t i = 0; read && i < sizeof keys / sizeof *keys; i++) {
        struct bytes value = {0};
        conf_value(&conf, keys[i], &value);
        argv[n++] = xasprintf("-D%s=%.*s", keys[i], SLICE_ARG(bytes_slice(&value)));
        bytes_free(&value);
    }
    conf_free(&conf);
    return n;
}

static char *executable(char *path)
{
    if (access(path, X_OK) == 0) return path;
    free(path);
    return NULL;
}

static char *find_java(char **why)
{
    const char *home = getenv("JAVA_HOME"), *path = getenv("PATH");
    char *found = home && *home ? executable(xasprintf("%s/bin/java", home)) : NULL;
    char *copy = xstrdup(path ? path : ""), *rest = copy;
    for (char *dir; !found && (dir = strsep(&rest, ":"));)
        if (*dir) found = executable(xasprintf("%s/java", dir));
    free(copy);
    if (!found)
        *why = xstrdup("Apache ZooKeeper needs Java, and there is no java in $JAVA_HOME/bin or $PATH; install one "
                       "(Debian: default-jre-headless)");
    return found;
}

/* Debian's zookeeper.jar names what it needs in its manifest, all but something that writes its log. */
static char *find_class_path(char **why)
{
    const char *home = getenv("ZOOKEEPER_HOME");
    if (home && *home) {
        char *lib = xasprintf("%s/lib", home);
        bool there = access(lib, R_OK) == 0;
        free(lib);
        if (there) return xasprintf("%s/conf:%s/lib/*:%s/*", home, home, home);
        *why = xasprintf("ZOOKEEPER_HOME is %s, and there is no lib/ with Apache ZooKeeper's jars in it; set it to an "
                         "unpacked distribution, or unset it to take Debian's package",
                         home);
        return NULL;
    }
    if (access(DEBIAN_JARS "zookeeper.jar", R_OK) == 0)
        return xstrdup(DEBIAN_JARS "zookeeper.jar:" DEBIAN_JARS "slf4j-simple.jar");
    *why = xstrdup("there is no Apache ZooKeeper here: set ZOOKEEPER_HOME to an unpacked distribution, or install "
                   "Debian's package zookeeper");
    return NULL;
}

static size_t add_words(char **argv, size_t n, size_t most, const char *words)
{
    char *copy = xstrdup(words), *rest = copy;
    for (char *word; (word = strsep(&rest, " \t\n"));)
        if (*word && n < most) argv[n++] = xstrdup(word);
    free(copy);
    return n;
}
