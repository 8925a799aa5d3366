/* Facts on behalf of a process that tells none. */
#include "launcher/spoken.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/text.h"

static void say(struct bufferevent *channel, json_t *fact, int64_t within_us);

struct bufferevent *spoken_channel(struct event_base *base, int fd, bufferevent_data_cb on_order, void *arg)
{
    evutil_make_socket_nonblocking(fd);
    struct bufferevent *channel = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(channel, on_order, NULL, NULL, arg);
    bufferevent_enable(channel, EV_READ | EV_WRITE);
    return channel;
}

void spoken_orders(struct bufferevent *channel, void (*take)(void *arg, const json_t *order), void *arg)
{
    size_t len;
    for (char *line; (line = evbuffer_readln(bufferevent_get_input(channel), &len, EVBUFFER_EOL_LF)); free(line)) {
        json_t *order = json_loadb(line, len, 0, NULL);
        if (order) take(arg, order);
        json_decref(order);
    }
}

void spoken_fact(struct bufferevent *channel, json_t *fact)
{
    json_object_set_new(fact, "t", json_integer(clock_us()));
    char *text = json_dumps(fact, JSON_COMPACT);
    evbuffer_add_printf(bufferevent_get_output(channel), "%s\n", text);
    free(text);
    json_decref(fact);
}

bool spoken_changes(struct bufferevent *channel, const struct apache_status *now, struct apache_status *told,
                    int64_t within_us)
{
    bool same = told->state && now->serving == told->serving && now->read_only == told->read_only &&
                strcmp(now->state, told->state) == 0 && now->zxid >> 32 == told->zxid >> 32;
    if (same || !now->state) return false;
    bool led = told->state && strcmp(told->state, "leading") == 0, leads = strcmp(now->state, "leading") == 0;
    if (told->serving && !now->serving) {
        const char *kind = led ? "not-serving" : "lost-leader";
        say(channel, json_pack("{s:s, s:s}", "fact", kind, "reason", "it serves no more"), within_us);
    }
    if (!told->state || strcmp(now->state, told->state) != 0)
        say(channel, json_pack("{s:s, s:s}", "fact", "state", "state", now->state), within_us);
    char zxid[24];
    snprintf(zxid, sizeof zxid, "0x%" PRIx64, (uint64_t)now->zxid);
    if (now->read_only) say(channel, json_pack("{s:s, s:s}", "fact", "read-only", "zxid", zxid), within_us);
    if (now->serving && leads && now->zxid >= 0)
        say(channel, json_pack("{s:s, s:I}", "fact", "epoch", "epoch", (json_int_t)(now->zxid >> 32)), within_us);
    if (now->serving) {
        json_t *serving = json_pack("{s:s, s:s}", "fact", "serving", "state", now->state);
        if (now->zxid >= 0) json_object_set_new(serving, "epoch", json_integer((json_int_t)(now->zxid >> 32)));
        if (now->zxid >= 0) json_object_set_new(serving, "zxid", json_string(zxid));
        say(channel, serving, within_us);
    }
    *told = *now;
    return true;
}

void spoken_status(struct bufferevent *channel, const struct apache_status *now, int64_t id)
{
    json_t *fact = json_pack("{s:s, s:I, s:s, s:b, s:b}", "fact", "status", "id", (json_int_t)id, "state", now->state,
                             "serving", now->serving, "read_only", now->read_only);
    const struct {
        const char *key;
        int64_t value;
    } counters[] = {{"zxid", now->zxid},
                    {"epoch", now->zxid < 0 ? -1 : now->zxid >> 32},
                    {"znodes", now->znodes},
                    {"connections", now->connections},
                    {"outstanding", now->outstanding},
                    {"sessions", now->sessions}};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (counters[i].value >= 0) json_object_set_new(fact, counters[i].key, json_integer(counters[i].value));
    spoken_fact(channel, fact);
}

static void say(struct bufferevent *channel, json_t *fact, int64_t within_us)
{
    if (within_us > 0) json_object_set_new(fact, "within_us", json_integer((json_int_t)within_us));
    spoken_fact(channel, fact);
}
