/* Carrying out a supervisor's orders. */
#include "orders.h"

#include <errno.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/faults.h"

static void order_net(struct orders *o, struct slice line);
static void order_clients(struct orders *o, struct slice line);

static const struct order {
    const char *name; /* as JSON writes it */
    void (*take)(struct orders *o, struct slice line);
} orders[] = {
    {"\"net\"", order_net},
    {"\"clients\"", order_clients},
};

static void refuse(struct orders *o, struct slice line, const char *why);

void orders_take(struct orders *o, struct slice line)
{
    struct slice name = json_field(line, "cmd");
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (!slice_equal(slice_str(orders[i].name), name)) continue;
        orders[i].take(o, line);
        return;
    }
    refuse(o, line, "there is no such order");
}

/* --- reading and answering --- */

static bool field_is(struct slice line, const char *key, struct slice value)
{
    return slice_equal(json_field(line, key), value);
}

/* missing when there is no whole number. */
static int64_t number(struct slice line, const char *key, int64_t missing)
{
    char text[24];
    struct slice v = json_field(line, key);
    if (v.len <= 0 || (size_t)v.len >= sizeof text) return missing;
    memcpy(text, v.p, (size_t)v.len);
    text[v.len] = '\0';
    char *end;
    errno = 0;
    int64_t n = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0 ? n : missing;
}

static struct slice id_of(struct slice line)
{
    struct slice id = json_field(line, "id");
    return id.len > 0 ? id : SLICE_OF("null");
}

static void done(struct orders *o, struct slice line)
{
    control_say(o->control, "answer", ",\"id\":%.*s", SLICE_ARG(id_of(line)));
}

static void refuse(struct orders *o, struct slice line, const char *why)
{
    struct bytes quoted = {0};
    json_put_text(&quoted, why);
    control_say(o->control, "answer", ",\"id\":%.*s,\"error\":%.*s", SLICE_ARG(id_of(line)),
                SLICE_ARG(bytes_slice(&quoted)));
    bytes_free(&quoted);
}

/* --- the orders --- */

static void order_net(struct orders *o, struct slice line)
{
    enum { LATE_MOST_US = 60 * 1000000 };
    struct net_fault f = {.in_cut = field_is(line, "in", SLICE_OF("\"cut\"")),
                          .out_cut = field_is(line, "out", SLICE_OF("\"cut\"")),
                          .delay_us = number(line, "delay_us", 0),
                          .jitter_us = number(line, "jitter_us", 0)};
    bool sane = f.delay_us >= 0 && f.delay_us <= LATE_MOST_US && f.jitter_us >= 0 && f.jitter_us <= LATE_MOST_US;
    if (sane && net_set_fault(o->net, number(line, "peer", -1), &f))
        done(o, line);
    else
        refuse(o, line, sane ? "there is no such peer" : "a delay is from 0 to 60 s");
}

static void order_clients(struct orders *o, struct slice line)
{
    char error[SOCKET_ERROR_MAX];
    if (net_refuse_clients(o->net, field_is(line, "refuse", SLICE_OF("true")), error) != 0) {
        refuse(o, line, error);
        return;
    }
    size_t dropped = field_is(line, "drop", SLICE_OF("true")) ? net_drop_clients(o->net) : 0;
    control_say(o->control, "answer", ",\"id\":%.*s,\"dropped\":%zu", SLICE_ARG(id_of(line)), dropped);
}
