/* Text from outside: zoo.cfg, the four-letter words, control lines of JSON, and targets on the launcher's command line.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "base/xalloc.h"
#include "conf.h"
#include "control.h"
#include "launcher/targets.h"
#include "tests/fuzz/host.h"
#include "words.h"

enum { CONF, WORDS, CONTROL, TARGET, KINDS };

static void try_conf(struct slice text);
static void try_words(struct script *s);
static void try_control(struct slice line);
static void try_target(struct script *s);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    uint8_t kind = script_u8(&s) % KINDS;
    if (kind == WORDS)
        try_words(&s);
    else if (kind == TARGET)
        try_target(&s);
    else {
        struct slice text = exact_copy(script_take(&s, size));
        if (kind == CONF)
            try_conf(text);
        else
            try_control(text);
        exact_free(text);
    }
    return 0;
}

/* Whatever the groups and weights are: nobody is no quorum, and no two quorums are without a voter in common. */
static void try_quorum(const struct conf *c)
{
    struct quorum q;
    int64_t *groups;
    struct core_peer *peers = conf_peers(c, &groups);
    if (!c->standalone) {
        quorum_make(&q, peers, c->n_servers, groups, c->n_groups);
        assert(!is_quorum(&q, 0) && member_count(q.voters) == (int)conf_voters(c));
        for (member_set some = 0; some < 16; some++) assert(!is_quorum(&q, some) || !is_quorum(&q, ~some));
    }
    free(peers);
    free(groups);
}

/* What is read is within its option's range, and an error is one line. */
static void try_conf(struct slice text)
{
    struct conf c;
    char error[CONF_ERROR_MAX];
    memset(error, 'x', sizeof error);
    int rc = conf_parse(&c, "zoo.cfg", (const char *)text.p, (size_t)text.len, error);
    if (rc == 0) {
        for (int64_t sid = 0; sid < 4; sid++) {
            char why[CONF_ERROR_MAX];
            if (conf_find(&c, sid) != NULL || sid == 1) conf_take_id(&c, sid, why);
        }
        assert(c.data_dir != NULL && c.client_port >= 0 && c.client_port <= 65535 && c.tick_ms > 0);
        assert(c.n_servers == 0 || conf_voters(&c) <= c.n_servers);
        for (size_t i = 0; i < c.n_servers; i++) assert(c.servers[i].host != NULL && c.servers[i].quorum_port != 0);
        try_quorum(&c);
        for (size_t i = 0; i < c.n_warnings; i++) assert(strchr(c.warnings[i], '\n') == NULL);
    } else {
        assert(memchr(error, 0, sizeof error) != NULL && strlen(error) > 0 && strchr(error, '\n') == NULL);
    }
    conf_free(&c);
}

static void try_words(struct script *s)
{
    struct slice whitelist = script_run(s);
    char *text = whitelist.len > 0 ? xasprintf("%.*s", (int)whitelist.len, (const char *)whitelist.p) : xstrdup("*");
    struct conf c;
    char error[CONF_ERROR_MAX];
    static const char zoo[] = "dataDir=/nonexistent\nclientPort=2181\n";
    int rc = conf_parse(&c, "zoo.cfg", zoo, sizeof zoo - 1, error);
    assert(rc == 0);
    free(c.whitelist);
    c.whitelist = text;
    struct host h;
    host_new(&h, host_config(0));
    if (script_u8(s) & 1) host_start(&h);
    struct panel v = {.conf = &c, .core = h.core};
    struct bytes answer = {0};
    while (script_more(s)) {
        static const char known[][5] = {"ruok", "isro", "srst", "crst", "wchs", "envi", "dirs", "conf", "srvr",
                                        "stat", "cons", "mntr", "dump", "wchc", "wchp", "hash", "gtmk", "stmk"};
        uint8_t which = script_u8(s);
        struct slice raw = exact_copy(script_take(s, which & 0x80 ? 4 + (size_t)which % 16 : 0));
        struct slice word = raw.len >= 4 ? raw : slice_of(known[which % 18], 4);
        struct words_answer a = {0};
        bytes_clear(&answer);
        enum net_word said = words_ask(&v, word, &answer, &a);
        if (said == WORD_LATER) {
            for (int steps = 0; words_step(&v, &a, &answer); steps++) assert(steps < 1000);
        }
        bool answered = said == WORD_ANSWERED || said == WORD_LATER;
        assert(answered ? a.report == NULL : answer.len == 0);
        exact_free(raw);
    }
    bytes_clear(&answer);
    int64_t total = script_u8(s);
    put_average(&answer, total * total * 1000, script_u8(s));
    bytes_free(&answer);
    host_free(&h);
    conf_free(&c);
}

/* Our reader takes lines that a real reader takes, too, and finds what that finds. */
static void try_control(struct slice line)
{
    static const char *const keys[] = {"cmd", "id", "", "a"};
    json_t *object = json_loadb((const char *)line.p, (size_t)line.len, JSON_REJECT_DUPLICATES, NULL);
    bool one_line = memchr(line.p, '\n', (size_t)line.len) == NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct slice found = json_field(line, keys[i]);
        assert(slice_is_null(found) || (found.p >= line.p && found.p + found.len <= line.p + line.len));
        if (!json_is_object(object) || !one_line || memchr(line.p, '\\', (size_t)line.len) != NULL) continue;
        json_t *value = json_object_get(object, keys[i]);
        assert((value != NULL) == !slice_is_null(found));
        json_t *same = value ? json_loadb((const char *)found.p, (size_t)found.len, JSON_DECODE_ANY, NULL) : NULL;
        if (value) assert(json_equal(value, same));
        json_decref(same);
    }
    json_decref(object);
    struct bytes out = {0};
    char *text = xasprintf("%.*s", SLICE_ARG(line));
    json_put_text(&out, text);
    assert(out.len >= strlen(text) + 2);
    bytes_free(&out);
    free(text);
}

static void try_target(struct script *s)
{
    struct candidate c[4];
    size_t n = script_below(s, 5);
    for (size_t i = 0; i < n; i++) {
        uint8_t what = script_u8(s);
        c[i] = (struct candidate){
            .id = (int)i + 1, .role = (enum role)(what % (ROLE_STANDALONE + 1)), .able = what & 0x80};
    }
    struct slice rest = script_take(s, 4096);
    char *text = xasprintf("%.*s", SLICE_ARG(rest)), *why = NULL;
    struct rnd r = {.state = 3};
    int rc = targets_choose(text, c, n, &r, &why);
    size_t chosen = 0;
    for (size_t i = 0; i < n; i++) chosen += c[i].chosen;
    assert(rc == 0 ? why == NULL : (rc == -1 || rc == -2) && why != NULL && chosen == 0);
    free(why);
    free(text);
}

/* --- seeds --- */

static void put_text(struct bytes *b, uint8_t kind, const char *text)
{
    bytes_clear(b);
    bytes_u8(b, kind);
    bytes_put(b, text, strlen(text));
}

void fuzz_seeds(seed_fn *add, void *arg)
{
    static const char *const confs[] = {
        "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/tmp/z\nclientPort=2181\n",
        "dataDir=/"
        "d\ninitLimit=1\nsyncLimit=1\nserver.1=a:1:2\nserver.2=[::1]:3:4:observer;0.0.0.0:5\nserver.3=h:6:7|i:8:9\n",
        "# c\n! d\ndataDir = /a\\\n  "
        "b\nzookeeper.snapCount:7\nclientPortAddress=localhost\nclientPort=1\npeerType=observer\n",
        "dataDir=/"
        "d\n4lw.commands.whitelist=*\nadmin.enableServer=true\n\\u0061=b\nserver.0=x:1:2:participant;3\nweight.1=3\n",
        "dataDir=/d\nclientPort=1\ninitLimit=1\nsyncLimit=1\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n"
        "group.1=1:2\ngroup.2=3\nweight.1=3\nweight.3=0\n",
    };
    static const char *const lines[] = {
        "{\"cmd\":\"status\",\"id\":7}", "{ \"id\" : {\"a\":[1,\"}\"]} , \"cmd\" : \"x\\\"y\" }", "{}", "[1]",
        "{\"a\":null,\"\":true}",
    };
    static const char *const targets[] = {"all", "zoo1,2,leader", "follower:2,random", "observer", "zoo01", "3x",
                                          ",",   "leader:0"};
    struct bytes b = {0};
    char name[8] = "?0";
    for (size_t i = 0; i < sizeof confs / sizeof *confs; i++) {
        name[0] = 'c';
        name[1] = (char)('0' + i);
        put_text(&b, CONF, confs[i]);
        add(arg, name, &b);
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        name[0] = 'j';
        name[1] = (char)('0' + i);
        put_text(&b, CONTROL, lines[i]);
        add(arg, name, &b);
    }
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        name[0] = 't';
        name[1] = (char)('0' + i);
        bytes_clear(&b);
        bytes_put(&b, (uint8_t[]){TARGET, 3, 0x81, 0x82, 0x81}, 5);
        bytes_put(&b, targets[i], strlen(targets[i]));
        add(arg, name, &b);
    }
    bytes_clear(&b);
    bytes_put(&b, "\1\11ruok,srst\1\0\1\2\3\4\5\6\7\200wchsabcd", 27);
    add(arg, "words", &b);
    bytes_free(&b);
}
