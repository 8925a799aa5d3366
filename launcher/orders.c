/* Orders to servers; the network and the disks as they are meant to be: what each server is told of them. */
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "launcher/supervisor.h"

static json_t *net_order(const struct server *v, size_t peer, const struct link_state *l);
static json_t *clients_order(struct server *v, bool drop);
static void put_order(struct bytes *b, struct server *v, json_t *order);
static void put_network(struct bytes *b, struct server *v);
static void put_disk(struct bytes *b, struct server *v);

int64_t server_order(struct server *v, json_t *order)
{
    struct bytes line = {0};
    put_order(&line, v, order);
    if (v->channel) bufferevent_write(v->channel, line.data, line.len);
    bytes_free(&line);
    return v->ordered;
}

int64_t server_order_clients(struct server *v, bool drop)
{
    return server_order(v, clients_order(v, drop));
}

void network_apply(struct supervisor *s)
{
    relays_apply(&s->relays);
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        struct bytes lines = {0};
        if (!v->channel) continue;
        put_network(&lines, v);
        if (lines.len) bufferevent_write(v->channel, lines.data, lines.len);
        bytes_free(&lines);
    }
}

/* Cut off, so that nobody finds it leading when they ask around; then those who follow it lose it. */
void server_depose(struct server *v)
{
    struct supervisor *s = v->of;
    size_t self = (size_t)(v - s->servers);
    s->links.deposed[self] = true;
    network_apply(s);
    relays_abandon(&s->relays, self);
}

void depositions_settle(struct supervisor *s)
{
    bool news = false;
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i], *leader = leader_now(s);
        bool leads = v->state == SUPERVISE_UP && v->view.serving && v->view.role == ROLE_LEADER && leader == v;
        if (!s->links.deposed[i] || leads) continue;
        s->links.deposed[i] = false;
        news = true;
    }
    if (news) network_apply(s);
}

void disk_apply(struct server *v)
{
    struct bytes line = {0};
    if (!v->channel) return;
    put_disk(&line, v);
    if (line.len) bufferevent_write(v->channel, line.data, line.len);
    bytes_free(&line);
}

const char *disk_mode_name(enum disk_mode mode)
{
    static const char *const names[DISK_MODES] = {
        [DISK_OK] = "ok", [DISK_SLOW] = "slow", [DISK_FULL] = "full", [DISK_EIO] = "eio"};
    return names[mode];
}

bool faults_preload(struct server *v, int fd)
{
    struct bytes lines = {0};
    memset(v->told, 0, sizeof v->told);
    v->told_refuses = v->told_cuts_clients = false;
    v->told_disk = (struct disk){0};
    v->ordered = v->view.answered; /* what the process before was asked, nobody answers any more */
    v->clock_ms = 0;               /* the process's, unlike network and disk */
    v->dies_at = NULL;
    put_disk(&lines, v);
    put_network(&lines, v);
    /* A socket pair that is new has room for that. */
    bool written = !lines.len || write(fd, lines.data, lines.len) == (ssize_t)lines.len;
    bytes_free(&lines);
    return written;
}

bool orders_answered(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (v->state == SUPERVISE_UP && v->view.answered < v->ordered) return false;
    }
    return true;
}

/* Ids only grow, whoever is told. */
static void put_order(struct bytes *b, struct server *v, json_t *order)
{
    v->ordered = ++v->of->order_id;
    json_object_set_new(order, "id", json_integer(v->ordered));
    char *text = json_dumps(order, JSON_COMPACT);
    bytes_printf(b, "%s\n", text);
    free(text);
    json_decref(order);
}

/* What differs from what it was told. */
static void put_network(struct bytes *b, struct server *v)
{
    struct supervisor *s = v->of;
    size_t self = (size_t)(v - s->servers);
    for (size_t i = 0; i < s->n; i++) {
        struct link_state l = links_between(&s->links, self, i), *told = &v->told[i];
        bool same = l.in_cut == told->in_cut && l.out_cut == told->out_cut && l.delay_us == told->delay_us &&
                    l.jitter_us == told->jitter_us;
        if (i == self || same) continue;
        *told = l;
        put_order(b, v, net_order(v, i, &l));
    }
    if (v->told_refuses == s->links.refuses[self] && v->told_cuts_clients == s->links.cuts_clients[self]) return;
    put_order(b, v, clients_order(v, s->links.refuses[self] && !v->told_refuses));
}

static void put_disk(struct bytes *b, struct server *v)
{
    if (v->disk.mode == v->told_disk.mode && v->disk.slow_us == v->told_disk.slow_us) return;
    v->told_disk = v->disk;
    put_order(b, v,
              json_pack("{s:s, s:s, s:I}", "cmd", "disk", "mode", disk_mode_name(v->disk.mode), "ms",
                        (json_int_t)(v->disk.slow_us + 999) / 1000));
}

static json_t *net_order(const struct server *v, size_t peer, const struct link_state *l)
{
    return json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:b}", "cmd", "net", "peer", v->of->servers[peer].member->id, "in",
                     l->in_cut ? "cut" : "ok", "out", l->out_cut ? "cut" : "ok", "delay_us", (json_int_t)l->delay_us,
                     "jitter_us", (json_int_t)l->jitter_us, "abandon", (int)v->of->links.deposed[peer]);
}

/* What holds for its clients, as it is told then. */
static json_t *clients_order(struct server *v, bool drop)
{
    const struct links *l = &v->of->links;
    size_t self = (size_t)(v - v->of->servers);
    v->told_refuses = l->refuses[self];
    v->told_cuts_clients = l->cuts_clients[self];
    return json_pack("{s:s, s:b, s:b, s:b}", "cmd", "clients", "drop", drop, "refuse", v->told_refuses, "cut",
                     v->told_cuts_clients);
}
