/* A tap on what servers tell each other. */
#include "tests/sim/sim_tap.h"

#include <inttypes.h>

#include "tests/sim/sim_world.h"
#include "wire/proto.h"

static size_t look_at_frames(struct end *e, const uint8_t *p, size_t len);
static void look_at(struct end *e, const struct quorum_packet *q);
static void look_at_promise(struct end *e, const struct quorum_packet *q);
static void look_at_ack(struct end *e, int64_t zxid);

void tap_sent(struct end *e, struct slice bytes)
{
    bool leader_began = e->kind == LINK_LEARNER && e->promised != 0;
    if ((e->kind != LINK_LEADER && e->kind != LINK_LEARNER) || leader_began) return;
    const uint8_t *p = bytes.p;
    size_t len = (size_t)bytes.len, done;
    if (e->tapped.len == 0) {
        done = look_at_frames(e, p, len);
        bytes_put(&e->tapped, p + done, len - done);
        return;
    }
    bytes_put(&e->tapped, p, len);
    done = look_at_frames(e, e->tapped.data + e->tapped.head, bytes_waiting(&e->tapped));
    bytes_consume(&e->tapped, done);
}

/* Looks at the whole frames and tells how long they are. */
static size_t look_at_frames(struct end *e, const uint8_t *p, size_t len)
{
    size_t done = 0;
    for (long n; (n = quorum_stream_next(&e->tap_stream, p + done, len - done)) > 0; done += (size_t)n) {
        struct cursor at = cursor_over(p + done, (size_t)n);
        struct quorum_packet q;
        if (!quorum_packet_get(&at, &q)) return len;
        look_at(e, &q);
        if (e->kind == LINK_LEARNER) return len; /* of a leader the first packet alone */
    }
    return done;
}

static void look_at(struct end *e, const struct quorum_packet *q)
{
    if (e->kind == LINK_LEARNER) {
        e->promised = zxid_epoch(q->zxid);
        if (e->peer != NULL) e->peer->promised = e->promised;
        if (q->type != PKT_LEADERINFO || e->server->disk.accepted_epoch < e->promised)
            violation(e->world, "an epoch is on disk before it is announced",
                      "zoo%" PRId64 " announces %" PRId64 ", its disk says %" PRId64, e->server->sid, e->promised,
                      e->server->disk.accepted_epoch);
    } else if (q->type == PKT_ACKEPOCH) {
        look_at_promise(e, q);
    } else if (q->type == PKT_ACK) {
        look_at_ack(e, q->zxid);
    }
}

static void look_at_promise(struct end *e, const struct quorum_packet *q)
{
    const struct disk *d = &e->server->disk;
    struct cursor at = cursor_slice(q->data);
    int32_t current = cursor_i32(&at);
    if (current == -1) return; /* it promises nothing */
    if (d->accepted_epoch < e->promised)
        violation(e->world, "a promise is on disk before it is given",
                  "zoo%" PRId64 " promises epoch %" PRId64 ", its disk says %" PRId64, e->server->sid, e->promised,
                  d->accepted_epoch);
}

static void look_at_ack(struct end *e, int64_t zxid)
{
    const struct disk *d = &e->server->disk;
    bool holds = zxid_counter(zxid) == 0 ? d->current_epoch >= zxid_epoch(zxid) : disk_has(e->server, zxid);
    if (!holds)
        violation(e->world, "what is acknowledged is on disk", "zoo%" PRId64 " acknowledges 0x%" PRIx64, e->server->sid,
                  (uint64_t)zxid);
}
