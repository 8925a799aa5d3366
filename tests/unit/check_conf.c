/* zoo.cfg: syntax, every kind of bad value, the server list, myid, and confs/ held against the option table. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "conf.h"
#include "properties.h"

static char error[CONF_ERROR_MAX];
static struct conf c;

#define LEAST "dataDir=/d\nclientPort=2181\n"
#define THREE "initLimit=10\nsyncLimit=5\nserver.1=h1:1:2\nserver.2=h2:3:4\nserver.3=h3:5:6\n"

static int parse(const char *text)
{
    return conf_parse(&c, "zoo.cfg", text, strlen(text), error);
}

static void rejects(const char *text, const char *message)
{
    ck_assert_msg(parse(text) == -1, "accepted: %s", text);
    ck_assert_str_eq(error, message);
    conf_free(&c);
}

START_TEST(test_properties_syntax)
{
    static const char text[] =
        "# comment\n  ! another\n\na=1\nb : 2\nc 3\n d\t=\t4 5 \r\ne=one\\\n   two\\\\\nf\\ g\\==x\\:\\t.\\u00e9\n"
        "h\na=9\n#x\\\ni=z\\";
    static const char *const expect[][2] = {{"a", "9"},   {"b", "2"},        {"c", "3"},
                                            {"d", "4 5"}, {"e", "onetwo\\"}, {"f g=", "x:\t.\xc3\xa9"},
                                            {"h", ""},    {"i", "z"}};
    struct properties p = {0};
    ck_assert_int_eq(properties_parse(&p, text, sizeof text - 1), 0);
    ck_assert_uint_eq(p.count, sizeof expect / sizeof expect[0]);
    for (size_t i = 0; i < p.count; i++) {
        ck_assert_str_eq(p.items[i].key, expect[i][0]);
        ck_assert_str_eq(p.items[i].value, expect[i][1]);
    }
    ck_assert_int_eq(p.items[0].line, 12); /* the last duplicate */
    ck_assert_int_eq(p.items[5].line, 10);
    properties_free(&p);
    ck_assert_int_eq(properties_parse(&p, "a=1\nb=\\u12", 10), 2);
    properties_free(&p);
}
END_TEST

START_TEST(test_defaults)
{
    ck_assert_int_eq(parse(LEAST), 0);
    ck_assert_int_eq(c.tick_ms, 3000);
    ck_assert_int_eq(c.min_session_ms, 6000);
    ck_assert_int_eq(c.max_session_ms, 60000);
    ck_assert_str_eq(c.data_log_dir, "/d");
    ck_assert_str_eq(c.whitelist, "srvr");
    ck_assert_int_eq(c.max_client_cnxns, 60);
    ck_assert_int_eq(c.snap_count, 100000);
    ck_assert(c.standalone && c.standalone_enabled && !c.skip_acl);
    ck_assert_str_eq(c.config_text, "");
    ck_assert_uint_eq(c.n_warnings, 0);
    ck_assert_int_eq(conf_take_id(&c, 7, error), 0);
    ck_assert_int_eq(c.myid, 7);
    conf_free(&c);
}
END_TEST

START_TEST(test_prefix_and_yes)
{
    ck_assert_int_eq(
        parse(LEAST "zookeeper.skipACL=yes\nzookeeper.DigestAuthenticationProvider.superDigest=super:x=\n"), 0);
    ck_assert(c.skip_acl);
    ck_assert_str_eq(c.super_digest, "super:x=");
    conf_free(&c);
    ck_assert_int_eq(parse(LEAST "skipACL=true\n"), 0);
    ck_assert(!c.skip_acl);
    ck_assert_str_eq(c.warnings[0], "zoo.cfg:3: skipACL: only 'yes' means yes; taken as no");
    conf_free(&c);
}
END_TEST

START_TEST(test_warnings)
{
    ck_assert_int_eq(parse(LEAST "forceSync=no\nreconfigEnabled=FALSE\ntickTim=5\nzookeeper.largeRequestThreshold=5\n"),
                     0);
    ck_assert_uint_eq(c.n_warnings, 3);
    ck_assert_str_eq(c.warnings[0],
                     "zoo.cfg:3: forceSync: known to Apache, without effect here: what is acknowledged is on the disk");
    ck_assert_str_eq(c.warnings[1], "zoo.cfg:5: tickTim: unknown, ignored; check the spelling");
    ck_assert_ptr_nonnull(strstr(c.warnings[2], "zoo.cfg:6: zookeeper.largeRequestThreshold: known to Apache"));
    ck_assert_uint_eq(c.n_notes, 0);
    conf_free(&c);
}
END_TEST

START_TEST(test_apaches_own_keys_are_noted)
{
    ck_assert_int_eq(parse(LEAST "zookeeper.serverCnxnFactory=x\njvm.pause.monitor=true\n"), 0);
    ck_assert_uint_eq(c.n_warnings, 0);
    ck_assert_uint_eq(c.n_notes, 2);
    ck_assert_str_eq(c.notes[0],
                     "zoo.cfg:3: zookeeper.serverCnxnFactory: of Apache's own making (classes), nothing to do here");
    conf_free(&c);
}
END_TEST

/* A key that is a Java property in Apache is taken with its prefix, too, and the value that holds anyway is no news. */
START_TEST(test_every_option_as_apache_writes_it)
{
    size_t n;
    const struct conf_option *options = conf_options(&n);
    for (size_t i = 0; i < n; i++) {
        const struct conf_option *o = &options[i];
        int len = (int)strcspn(o->key, "*");
        bool pattern = o->key[len] == '*', property = o->flags & CONF_PROPERTY;
        const char *value = o->type == CONF_INT && !*o->fallback ? "7" : o->fallback;
        if (strcmp(o->key, "dataDir") == 0) value = "/d";
        for (int prefixed = 0; prefixed <= property; prefixed++) {
            struct bytes text = {0};
            bytes_printf(&text, LEAST "%s%.*s%s=%s\n", prefixed ? "zookeeper." : "", len, o->key, pattern ? "x" : "",
                         value);
            ck_assert_msg(conf_parse(&c, "zoo.cfg", (char *)text.data, text.len, error) == 0, "%s", error);
            ck_assert_msg(c.n_warnings == 0, "%s", c.warnings[0]);
            ck_assert_uint_eq(c.n_notes, o->type == CONF_APACHE);
            conf_free(&c);
            bytes_free(&text);
        }
    }
}
END_TEST

START_TEST(test_values_and_secrets)
{
    static const char text[] = LEAST "# plain\nsnapCount=7\nskipACL=yes\nadmin.enableServer=False\n";
    struct bytes b = {0};
    ck_assert_int_eq(parse(text), 0);
    ck_assert_str_eq(c.text, text);
    static const char *const shown[][2] = {
        {"snapCount", "7"}, {"zookeeper.skipACL", "yes"}, {"admin.enableServer", "false"},
        {"dataDir", "/d"},  {"peerType", "participant"},  {"admin.serverPort", "8080"}};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        bytes_clear(&b);
        ck_assert(conf_value(&c, shown[i][0], &b));
        ck_assert(slice_equal(bytes_slice(&b), slice_str(shown[i][1])));
    }
    ck_assert(!conf_value(&c, "forceSync", &b));
    ck_assert(!conf_value(&c, "nonsense", &b));
    conf_free(&c);
#define DIGEST "DigestAuthenticationProvider.superDigest"
    static const char *const hidden[] = {
        LEAST "a=b\nzookeeper." DIGEST "=super:secret\n", LEAST "#" DIGEST "=super:secret\n",
        LEAST DIGEST "=super:secret\n" DIGEST "=super:other\n",
        LEAST "Digest\\u0041uthenticationProvider.superDigest=super:secret\n", LEAST DIGEST "=super:\\\n secret\n"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        ck_assert_int_eq(parse(hidden[i]), 0);
        ck_assert_msg(strstr(c.text, "secret") == NULL && strstr(c.text, "other") == NULL, "%s", c.text);
        bytes_clear(&b);
        ck_assert(conf_value(&c, DIGEST, &b));
        if (*c.super_digest) ck_assert(slice_equal(bytes_slice(&b), SLICE_OF("***")));
        conf_free(&c);
    }
    bytes_free(&b);
}
END_TEST

START_TEST(test_bad_values)
{
    rejects("clientPort=2181\n", "zoo.cfg: dataDir: missing; add dataDir=<a folder>");
    rejects("dataDir=/d\n", "zoo.cfg: clientPort: missing; add clientPort=2181");
    rejects(LEAST "tickTime=0\n",
            "zoo.cfg:3: tickTime: '0' is not a number from 1 to 2147483647; give one (ms; the unit "
            "of initLimit and syncLimit)");
    rejects("dataDir=/d\nclientPort=70000\n",
            "zoo.cfg:2: clientPort: '70000' is not a number from 1 to 65535; give one (port for clients; required)");
    rejects(LEAST "tickTime=2s\n",
            "zoo.cfg:3: tickTime: '2s' is not a number from 1 to 2147483647; give one (ms; the unit "
            "of initLimit and syncLimit)");
    rejects(LEAST "connection_throttle_drop_increase=1.5\n",
            "zoo.cfg:3: connection_throttle_drop_increase: '1.5' is not a number from 0 to 1; give one, as 0.02");
    rejects(LEAST "connection_throttle_decrease_ratio=a\n",
            "zoo.cfg:3: connection_throttle_decrease_ratio: 'a' is not a number from 0 to 1; give one, as 0");
    rejects(LEAST "electionAlg=1\n", "zoo.cfg:3: electionAlg: '1' is not possible; give 3");
    rejects(LEAST "standaloneEnabled=yes\n",
            "zoo.cfg:3: standaloneEnabled: 'yes' is neither true nor false; give one of them");
    rejects(LEAST "peerType=part\n", "zoo.cfg:3: peerType: 'part' is not possible; give participant|observer");
    rejects(LEAST "minSessionTimeout=90000\n",
            "zoo.cfg:3: minSessionTimeout: 90000 is above maxSessionTimeout, which is "
            "60000; lower it or raise the other");
    rejects(LEAST "a=\\u00g0\n", "zoo.cfg:3: \\u: malformed; write four hexadecimal digits after it");
    ck_assert_int_eq(conf_read(&c, "/nonexistent/zoo.cfg", error), -1);
    ck_assert_str_eq(error,
                     "/nonexistent/zoo.cfg: cannot be read: No such file or directory; name an existing zoo.cfg");
    conf_free(&c);
}
END_TEST

START_TEST(test_servers)
{
    ck_assert_int_eq(parse(LEAST "initLimit=10\nsyncLimit=5\nserver.10=[::1]:1:2:OBSERVER\nserver.2=b:3:4;2190\n"
                                 "server.1=a:5:6:participant;[fe80::1]:2191\nserver.3=c:1:2"),
                     0);
    ck_assert(!c.standalone);
    ck_assert_uint_eq(c.n_servers, 4);
    ck_assert_uint_eq(conf_voters(&c), 3);
    ck_assert_str_eq(c.config_text,
                     "server.1=a:5:6:participant;[fe80::1]:2191\nserver.2=b:3:4:participant;0.0.0.0:2190\n"
                     "server.3=c:1:2:participant\nserver.10=[::1]:1:2:observer\nversion=0");
    ck_assert_str_eq(conf_find(&c, 10)->host, "::1");
    ck_assert_ptr_null(conf_find(&c, 4));
    ck_assert_int_eq(conf_take_id(&c, 4, error), -1);
    ck_assert_str_eq(error,
                     "zoo.cfg: there is no server.4 line, but /d/myid says this is server 4; correct one of them");
    ck_assert_int_eq(conf_take_id(&c, 2, error), -1);
    ck_assert_str_eq(error, "zoo.cfg:6: server.2: its client part differs from clientPort; keep one");
    ck_assert_int_eq(conf_take_id(&c, 3, error), 0);
    ck_assert_int_eq(c.self->quorum_port, 1);
    conf_free(&c);
    ck_assert_int_eq(parse("dataDir=/d\ninitLimit=10\nsyncLimit=5\nserver.1=a:1:2;x:7\nserver.2=b:1:2;8\n"), 0);
    ck_assert_int_eq(conf_take_id(&c, 1, error), 0);
    ck_assert_int_eq(c.client_port, 7);
    ck_assert_str_eq(c.client_address, "x");
    conf_free(&c);
}
END_TEST

START_TEST(test_bad_servers)
{
#define SHAPE "write host:quorumPort:electionPort[:participant|observer][;[clientHost:]clientPort]"
    static const char *const malformed[] = {"a",     "a:1",      "a:1:",     ":1:2",   "a:1:70000", "a:1:2;",
                                            "a:0:2", "[::1:1:2", "a:1:2;h:", "a:1:-2", "[]:1:2",    "a:1:2;h:1:2"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        char text[256], message[256];
        snprintf(text, sizeof text, LEAST "server.1=%s\n", malformed[i]);
        snprintf(message, sizeof message, "zoo.cfg:3: server.1: '%s': " SHAPE, malformed[i]);
        rejects(text, message);
    }
    rejects(LEAST "server.x=a:1:2\n",
            "zoo.cfg:3: server.x: 'a:1:2': the part after 'server.' is not a number; write server.1, "
            "server.2, ...");
    rejects(LEAST "server.1=a:1:2\nserver.01=a:1:3\n",
            "zoo.cfg:4: server.01: 'a:1:3': this server is listed already; give each its own number");
    rejects(LEAST "server.1=a:1:1\n",
            "zoo.cfg:3: server.1: 'a:1:1': quorum port and election port are the same; give each its own");
    rejects(LEAST "server.1=a:1:2:boss\n",
            "zoo.cfg:3: server.1: 'a:1:2:boss': the role is neither participant nor observer; give one of them");
    rejects(LEAST "server.1=a:1:2|b:1:2\n",
            "zoo.cfg:3: server.1: 'a:1:2|b:1:2': several addresses for one server are not supported; keep one of them");
    rejects(LEAST "server.1=a:1:2:observer\n",
            "zoo.cfg:3: server: only observers; make at least one of them a participant");
    rejects(LEAST "server.1=a:1:2\nserver.2=b:1:2:observer\n",
            "zoo.cfg:3: server: observers need an ensemble; set standaloneEnabled=false or add participants");
    rejects(LEAST "server.1=a:1:2\nserver.2=a:1:3\n",
            "zoo.cfg: initLimit: missing, an ensemble needs it; add initLimit=10");
    rejects(LEAST "initLimit=1\nserver.1=a:1:2\nserver.2=a:1:3\n",
            "zoo.cfg: syncLimit: missing, an ensemble needs it; add syncLimit=5");
}
END_TEST

/* What Apache shows of such a configuration: the groups, then a weight for each voter and for whomever a line gives
 * one. */
START_TEST(test_groups)
{
    ck_assert_int_eq(parse(LEAST THREE "weight.2=0\ngroup.2=2\ngroup.1=3:1\nserver.4=h:7:8:observer\n"), 0);
    ck_assert_str_eq(c.config_text,
                     "server.1=h1:1:2:participant\nserver.2=h2:3:4:participant\nserver.3=h3:5:6:participant\n"
                     "server.4=h:7:8:observer\ngroup.1=1:3\ngroup.2=2\nweight.1=1\nweight.2=0\nweight.3=1\nversion=0");
    int64_t *groups;
    struct core_peer *peers = conf_peers(&c, &groups);
    ck_assert_int_eq(groups[0], 2);
    ck_assert_int_eq(groups[1], 0);
    ck_assert_int_eq(peers[1].group, 1);
    ck_assert_int_eq(peers[1].weight, 0);
    ck_assert_int_eq(peers[2].group, 0);
    ck_assert_int_eq(peers[3].group, -1);
    ck_assert_uint_eq(c.n_warnings, 0);
    free(peers);
    free(groups);
    conf_free(&c);
}
END_TEST

/* Whoever does not vote weighs in its group all the same, if it is given a weight. */
START_TEST(test_groups_of_non_voters)
{
    ck_assert_int_eq(parse(LEAST THREE "group.1=1:2:3:9\nweight.9=5\nweight.1=7\n"), 0);
    ck_assert_int_eq(c.groups[0].weight, 14);
    ck_assert_uint_eq(c.n_warnings, 1);
    ck_assert_str_eq(c.warnings[0], "zoo.cfg:8: group.1: server 9 does not vote; its weight counts as that of a server "
                                    "that is never there");
    ck_assert_ptr_nonnull(strstr(c.config_text, "group.1=1:2:3:9\nweight.1=7\nweight.2=1\nweight.3=1\nweight.9=5\n"));
    conf_free(&c);
    ck_assert_int_eq(parse(LEAST THREE), 0);
    int64_t *groups;
    struct core_peer *peers = conf_peers(&c, &groups);
    ck_assert_ptr_null(groups);
    free(peers);
    conf_free(&c);
}
END_TEST

START_TEST(test_bad_groups)
{
#define LISTS "write the numbers of the group's servers with colons between them, as in 1:2:3"
    rejects(
        LEAST THREE "group.1=1:2\n",
        "zoo.cfg:7: server.3: is not in a group; where there are groups or weights, each participant is in one: add "
        "it to a group line");
    rejects(
        LEAST THREE "weight.1=2\n",
        "zoo.cfg:5: server.1: is not in a group; where there are groups or weights, each participant is in one: add "
        "it to a group line");
    rejects(LEAST THREE "group.1=1:2\ngroup.2=2:3\n",
            "zoo.cfg:9: group.2: server 2 is in group 1 as well; keep it in one");
    rejects(LEAST THREE "group.1=1:2:1\n",
            "zoo.cfg:8: group.1: '1:2:1': a server is in one group once; remove the second");
    rejects(LEAST THREE "group.1=1:2:3:4\n",
            "zoo.cfg:8: group.1: server 4 does not vote: it has no server line; take it out of the group");
    rejects(LEAST THREE "server.4=h:1:2:observer\ngroup.1=1:2:3:4\n",
            "zoo.cfg:9: group.1: server 4 does not vote: it is an observer; take it out of the group");
    rejects(LEAST "group.1=1\n",
            "zoo.cfg:3: group.1: server 1 does not vote: it has no server line; take it out of the group");
    rejects(LEAST THREE "group.1=1:2:3\ngroup.01=1\n",
            "zoo.cfg:9: group.01: '1': this group is there already; give each its own number");
    rejects(LEAST THREE "group.1=1::2\n", "zoo.cfg:8: group.1: '1::2': " LISTS);
    rejects(LEAST THREE "group.1=\n", "zoo.cfg:8: group.1: '': " LISTS);
    rejects(LEAST THREE "group.1=1:2:\n", "zoo.cfg:8: group.1: '1:2:': " LISTS);
    rejects(LEAST THREE "group.a=1:2:3\n",
            "zoo.cfg:8: group.a: '1:2:3': the part after the dot is not a number; write group.1=1:2:3, weight.1=2");
    rejects(LEAST THREE "group.1=1:2:3\nweight.1=-1\n",
            "zoo.cfg:9: weight.1: '-1': with a weight below 0 two quorums need not have a server in common; give 0 or "
            "more");
    rejects(LEAST THREE "group.1=1:2:3\nweight.1=x\n",
            "zoo.cfg:9: weight.1: 'x': a weight is a whole number from 0 to 1000000000000");
    rejects(LEAST THREE "group.1=1:2:3\nweight.1=1\nweight.01=1\n",
            "zoo.cfg:10: weight.01: '1': this server has a weight already; keep one of the lines");
    rejects(LEAST THREE "group.1=1:2:3\nweight.1=0\nweight.2=0\nweight.3=0\n",
            "zoo.cfg:9: weight: no server weighs anything, so that nobody could ever be elected; give one of them a "
            "weight");
}
END_TEST

START_TEST(test_single_server)
{
    ck_assert_int_eq(parse(LEAST "server.5=a:1:2\n"), 0);
    ck_assert(c.standalone);
    conf_free(&c);
    ck_assert_int_eq(parse(LEAST "standaloneEnabled=false\ninitLimit=1\nsyncLimit=1\nserver.5=a:1:2\n"), 0);
    ck_assert(!c.standalone);
    ck_assert_str_eq(c.config_text, "server.5=a:1:2:participant\nversion=0");
    conf_free(&c);
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(test_myid)
{
    char dir[] = "/tmp/check_conf.XXXXXX", text[512], path[64], expect[256];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(text, sizeof text, "dataDir=%s\nclientPort=2181\n" THREE, dir);
    snprintf(path, sizeof path, "%s/myid", dir);
    ck_assert_int_eq(parse(text), 0);
    ck_assert_int_eq(conf_take_myid(&c, error), -1);
    snprintf(expect, sizeof expect, "%s: missing; write into it which server this is, as in: echo 1 > myid", path);
    ck_assert_str_eq(error, expect);
    write_file(path, "two\n");
    ck_assert_int_eq(conf_take_myid(&c, error), -1);
    snprintf(expect, sizeof expect, "%s: 'two' is not a number; write which server this is, as in: echo 1 > myid",
             path);
    ck_assert_str_eq(error, expect);
    write_file(path, "1 2\n");
    ck_assert_int_eq(conf_take_myid(&c, error), -1);
    write_file(path, "");
    ck_assert_int_eq(conf_take_myid(&c, error), -1);
    write_file(path, "4\n");
    ck_assert_int_eq(conf_take_myid(&c, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "there is no server.4 line"));
    write_file(path, " 2 \n");
    ck_assert_int_eq(conf_take_myid(&c, error), 0);
    ck_assert_int_eq(c.myid, 2);
    ck_assert_str_eq(c.self->host, "h2");
    conf_free(&c);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static char *read_text(const char *path)
{
    static char text[1 << 17];
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

/* Each option appears in the sample, set or commented out; a commented one shows the default that the table has, where
 * that is a plain value. */
START_TEST(test_sample_has_every_option)
{
    ck_assert_int_eq(conf_read(&c, CONFS_DIR "/zoo_sample.cfg", error), 0);
    ck_assert_uint_eq(c.n_warnings, 0);
    conf_free(&c);
    const char *text = read_text(CONFS_DIR "/zoo_sample.cfg");
    size_t n;
    const struct conf_option *options = conf_options(&n);
    for (size_t i = 0; i < n; i++) {
        char set[128], shown[128];
        if (options[i].type >= CONF_UNUSED) continue;
        snprintf(set, sizeof set, "\n%s=", options[i].key);
        snprintf(shown, sizeof shown, "\n#%s=%s%s", options[i].key, options[i].fallback,
                 *options[i].fallback ? "\n" : "");
        ck_assert_msg(strstr(text, set) || strstr(text, shown), "confs/zoo_sample.cfg lacks %s or its default",
                      options[i].key);
    }
}
END_TEST

static void put_roff(struct bytes *b, const char *text)
{
    for (; *text; text++) bytes_printf(b, *text == '-' ? "\\-" : *text == '\\' ? "\\e" : "%c", *text);
}

static void put_section(struct bytes *b, const char *title, enum conf_type first, enum conf_type last)
{
    size_t n;
    const struct conf_option *o = conf_options(&n);
    bytes_printf(b, ".SH %s\n", title);
    for (size_t i = 0; i < n; i++) {
        if (o[i].type < first || o[i].type > last) continue;
        bytes_printf(b, ".TP\n.B ");
        put_roff(b, o[i].key);
        if (*o[i].fallback) bytes_printf(b, " = ");
        put_roff(b, o[i].fallback);
        bytes_printf(b, "\n");
        put_roff(b, o[i].help);
        bytes_printf(b, "\n");
    }
}

/* The manual's lists are the table's. UPDATE_DOCS=1 writes them anew. */
START_TEST(test_manual_has_the_table)
{
    static const char path[] = CONFS_DIR "/../docs/zoo.cfg.5", begin[] = ".\\\" from the option table:\n",
                      end[] = ".SH FILES\n";
    struct bytes table = {0};
    put_section(&table, "OPTIONS", CONF_INT, CONF_LIST);
    put_section(&table, "KNOWN, WITHOUT EFFECT", CONF_UNUSED, CONF_UNUSED);
    put_section(&table, "REFUSED, UNLESS AS IT IS ANYWAY", CONF_REFUSED, CONF_REFUSED);
    put_section(&table, "OF APACHE'S OWN MAKING", CONF_APACHE, CONF_APACHE);
    bytes_u8(&table, 0);
    char *text = read_text(path), *from = strstr(text, begin), *to = strstr(text, end);
    ck_assert(from != NULL && to != NULL && from < to);
    from += strlen(begin);
    if (getenv("UPDATE_DOCS") != NULL) {
        FILE *f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        fprintf(f, "%.*s%s%s", (int)(from - text), text, (char *)table.data, to);
        fclose(f);
    } else {
        *to = '\0';
        ck_assert_msg(strcmp(from, (char *)table.data) == 0,
                      "docs/zoo.cfg.5 differs from the option table; run UPDATE_DOCS=1 ./check_conf");
    }
    bytes_free(&table);
}
END_TEST

START_TEST(test_confs_make_one_ensemble)
{
    char *text = NULL;
    for (int i = 1; i <= 3; i++) {
        char path[512], dir[32];
        snprintf(path, sizeof path, CONFS_DIR "/zoo%d.cfg", i);
        snprintf(dir, sizeof dir, "data/zoo%d", i);
        ck_assert_msg(conf_read(&c, path, error) == 0, "%s", error);
        ck_assert_uint_eq(c.n_warnings, 0);
        ck_assert_int_eq(c.client_port, 2181 + i);
        ck_assert_str_eq(c.data_dir, dir);
        ck_assert_int_eq(conf_take_id(&c, i, error), 0);
        ck_assert_int_eq(c.self->quorum_port, 2665 + i);
        ck_assert_int_eq(c.self->election_port, 3665 + i);
        ck_assert_str_eq(c.whitelist, "*");
        if (text != NULL) ck_assert_str_eq(c.config_text, text);
        free(text);
        text = strdup(c.config_text);
        conf_free(&c);
    }
    free(text);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("conf");
    tcase_add_test(t, test_properties_syntax);
    tcase_add_test(t, test_defaults);
    tcase_add_test(t, test_prefix_and_yes);
    tcase_add_test(t, test_warnings);
    tcase_add_test(t, test_apaches_own_keys_are_noted);
    tcase_add_test(t, test_every_option_as_apache_writes_it);
    tcase_add_test(t, test_values_and_secrets);
    tcase_add_test(t, test_bad_values);
    tcase_add_test(t, test_servers);
    tcase_add_test(t, test_bad_servers);
    tcase_add_test(t, test_groups);
    tcase_add_test(t, test_groups_of_non_voters);
    tcase_add_test(t, test_bad_groups);
    tcase_add_test(t, test_single_server);
    tcase_add_test(t, test_myid);
    tcase_add_test(t, test_sample_has_every_option);
    tcase_add_test(t, test_manual_has_the_table);
    tcase_add_test(t, test_confs_make_one_ensemble);
    Suite *s = suite_create("conf");
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
