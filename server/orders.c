/* Carrying out a supervisor's orders. */
#include "orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "log.h"
#include "net/faults.h"
#include "store/vfs_fault.h"
#include "tree/tree.h"

static void order_net(struct orders *o, struct slice line);
static void order_clients(struct orders *o, struct slice line);
static void order_expire(struct orders *o, struct slice line);
static void order_stepdown(struct orders *o, struct slice line);
static void order_clock(struct orders *o, struct slice line);
static void order_disk(struct orders *o, struct slice line);
static void order_die(struct orders *o, struct slice line);

static const struct order {
    const char *name; /* as JSON writes it */
    void (*take)(struct orders *o, struct slice line);
    bool early; /* it needs no network */
} orders[] = {
    {"\"net\"", order_net, false},       {"\"clients\"", order_clients, false},
    {"\"expire\"", order_expire, false}, {"\"stepdown\"", order_stepdown, false},
    {"\"clock\"", order_clock, false},   {"\"disk\"", order_disk, true},
    {"\"die\"", order_die, true},
};

/* One order's sessions that are not closed yet. */
struct expiry {
    struct link link;
    char id[24]; /* the order's */
    int64_t *sessions;
    size_t n, expired;
};

static void refuse(struct orders *o, struct slice line, const char *why);
static void expiry_free(struct expiry *x);
static bool expiry_settle(struct orders *o, struct expiry *x);

void orders_init(struct orders *o, struct control *control)
{
    *o = (struct orders){.control = control, .death = {.control = control}};
    list_init(&o->expiring);
}

void orders_begin(struct orders *o, struct net *n, struct core *c, const struct core_config *config)
{
    o->net = n;
    o->core = c;
    o->death.net = n;
    o->death.core = c;
    o->death.config = config;
    struct slice lines = bytes_slice(&o->early);
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.p, '\n', (size_t)lines.len);
        size_t len = (size_t)(end - lines.p);
        orders_take(o, slice_of(lines.p, len));
        lines = slice_of(end + 1, (size_t)lines.len - len - 1);
    }
    bytes_free(&o->early);
}

void orders_free(struct orders *o)
{
    bytes_free(&o->early);
    list_each_safe(l, &o->expiring) expiry_free(list_entry(l, struct expiry, link));
}

void orders_settle(struct orders *o)
{
    list_each_safe(l, &o->expiring) {
        struct expiry *x = list_entry(l, struct expiry, link);
        if (expiry_settle(o, x)) expiry_free(x);
    }
}

void orders_take(struct orders *o, struct slice line)
{
    struct slice name = json_field(line, "cmd");
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (!slice_equal(slice_str(orders[i].name), name)) continue;
        if (o->net == NULL && !orders[i].early)
            bytes_printf(&o->early, "%.*s\n", SLICE_ARG(line));
        else
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
    bool done_it = sane && net_set_fault(o->net, number(line, "peer", -1), &f);
    if (done_it && field_is(line, "abandon", SLICE_OF("true"))) net_abandon(o->net, number(line, "peer", -1));
    if (done_it)
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
    bool cut = field_is(line, "cut", SLICE_OF("true"));
    net_cut_clients(o->net, cut);
    size_t dropped = cut ? net_client_count(o->net) : 0;
    if (field_is(line, "drop", SLICE_OF("true"))) dropped = net_drop_clients(o->net);
    control_say(o->control, "answer", ",\"id\":%.*s,\"dropped\":%zu", SLICE_ARG(id_of(line)), dropped);
}

static void order_stepdown(struct orders *o, struct slice line)
{
    struct core_status now;
    core_status(o->core, &now);
    if (now.state != PEER_LEADING || now.service != SERVICE_FULL || now.standalone) {
        refuse(o, line, now.standalone ? "it is alone: there is nobody to lead" : "it does not lead now");
        return;
    }
    struct event e = {.type = EV_STEP_DOWN};
    net_step(o->net, &e);
    done(o, line);
}

static void order_clock(struct orders *o, struct slice line)
{
    net_shift_clock(o->net, number(line, "shift_ms", 0));
    done(o, line);
}

static void order_disk(struct orders *o, struct slice line)
{
    enum { SLOW_MOST_MS = 60 * 1000 };
    struct fault_plan plan = {.room = -1};
    int64_t ms = number(line, "ms", 0);
    if (field_is(line, "mode", SLICE_OF("\"slow\""))) {
        plan.sync_ms = (int32_t)(ms < 0 ? 0 : ms > SLOW_MOST_MS ? SLOW_MOST_MS : ms);
    } else if (field_is(line, "mode", SLICE_OF("\"eio\""))) {
        plan.fail_at[FAULT_WRITE] = plan.fail_at[FAULT_SYNC] = plan.fail_at[FAULT_SYNC_DIR] = 1;
    } else if (field_is(line, "mode", SLICE_OF("\"full\""))) {
        plan.room = 0;
    } else if (!field_is(line, "mode", SLICE_OF("\"ok\""))) {
        refuse(o, line, "the modes are slow (with ms), full, eio and ok");
        return;
    }
    fault_set(&plan);
    log_line(LOG_WARN_LINE, "the disk from now on, as ordered: %.*s", SLICE_ARG(json_field(line, "mode")));
    done(o, line);
}

static void order_die(struct orders *o, struct slice line)
{
    struct slice at = json_field(line, "at");
    enum death_step step = at.len > 2 ? death_parse(slice_of(at.p + 1, (size_t)at.len - 2)) : DEATH_NONE;
    if (step == DEATH_NONE && !slice_equal(at, SLICE_OF("\"never\""))) {
        refuse(o, line, "the steps are now, propose, quorum-acked, commit and never");
        return;
    }
    const char *why = death_arm(&o->death, step, field_is(line, "power_loss", SLICE_OF("true")));
    if (why != NULL)
        refuse(o, line, why);
    else
        done(o, line);
}

/* --- expire --- */

static void expiry_add(struct expiry *x, int64_t session)
{
    x->sessions = xrealloc(x->sessions, (x->n + 1) * sizeof *x->sessions);
    x->sessions[x->n++] = session;
}

static bool add_all(struct expiry *x, const struct tree *t)
{
    size_t at = 0;
    int64_t session;
    int32_t timeout_ms;
    while (tree_session_next(t, &at, &session, &timeout_ms)) expiry_add(x, session);
    return x->n > 0;
}

/* "2f61" is "/a". */
static bool add_owner(struct expiry *x, const struct tree *t, struct slice hex)
{
    struct bytes path = {0};
    for (int32_t i = 1; i + 2 < hex.len; i += 2) {
        const char digits[] = {(char)hex.p[i], (char)hex.p[i + 1], '\0'};
        bytes_u8(&path, (uint8_t)strtoul(digits, NULL, 16));
    }
    const struct znode *n = tree_find(t, bytes_slice(&path));
    int64_t owner = n != NULL ? znode_owner(n) : 0;
    bool found = owner != 0 && tree_session_timeout(t, owner) >= 0;
    if (found) expiry_add(x, owner);
    bytes_free(&path);
    return found;
}

static bool add_one(struct expiry *x, const struct tree *t, struct slice quoted)
{
    char text[24] = "";
    if (quoted.len < 3 || (size_t)quoted.len > sizeof text) return false;
    memcpy(text, quoted.p + 1, (size_t)quoted.len - 2);
    int64_t session = (int64_t)strtoull(text, NULL, 16);
    if (tree_session_timeout(t, session) < 0) return false;
    expiry_add(x, session);
    return true;
}

/* What could be expired instead. */
static void refuse_unknown(struct orders *o, struct slice line, const struct tree *t, const char *what)
{
    enum { SHOWN = 8 };
    struct bytes why = {0};
    size_t at = 0, n = 0;
    int64_t session;
    int32_t timeout_ms;
    bytes_printf(&why, "%s", what);
    while (tree_session_next(t, &at, &session, &timeout_ms) && n++ < SHOWN)
        bytes_printf(&why, "%s0x%" PRIx64, n == 1 ? "; there are: " : ", ", (uint64_t)session);
    bytes_printf(&why, "%s", n == 0 ? "; there is none at all now" : n > SHOWN ? " and more" : "");
    bytes_u8(&why, 0);
    refuse(o, line, (const char *)why.data);
    bytes_free(&why);
}

static void order_expire(struct orders *o, struct slice line)
{
    struct core_status now;
    const struct tree *t = core_tree(o->core);
    core_status(o->core, &now);
    if (now.state != PEER_LEADING || now.service != SERVICE_FULL) {
        refuse(o, line, "it does not lead now");
        return;
    }
    struct expiry *x = xcalloc(1, sizeof *x);
    struct slice id = id_of(line), owner = json_field(line, "owner"), session = json_field(line, "session");
    snprintf(x->id, sizeof x->id, "%.*s", SLICE_ARG(id));
    list_init(&x->link);
    bool found;
    if (owner.len > 0)
        found = add_owner(x, t, owner);
    else if (session.len > 0)
        found = add_one(x, t, session);
    else
        found = add_all(x, t);
    if (!found) {
        refuse_unknown(o, line, t,
                       owner.len > 0     ? "no session owns that path"
                       : session.len > 0 ? "there is no such session"
                                         : "there is nothing to expire");
        expiry_free(x);
        return;
    }
    list_append(&o->expiring, &x->link);
    for (size_t i = 0; i < x->n; i++) {
        struct event e = {.type = EV_EXPIRE, .id = x->sessions[i]};
        net_step(o->net, &e);
    }
}

/* True when it is answered. */
static bool expiry_settle(struct orders *o, struct expiry *x)
{
    struct core_status now;
    core_status(o->core, &now);
    for (size_t i = 0; i < x->n;) {
        if (tree_session_timeout(core_tree(o->core), x->sessions[i]) >= 0) {
            i++;
            continue;
        }
        x->sessions[i] = x->sessions[--x->n];
        x->expired++;
    }
    if (x->n == 0) {
        control_say(o->control, "answer", ",\"id\":%s,\"expired\":%zu", x->id, x->expired);
    } else if (now.state != PEER_LEADING || now.service != SERVICE_FULL) {
        control_say(o->control, "answer",
                    ",\"id\":%s,\"error\":\"it lost the lead before that was committed; ask again\"", x->id);
    } else {
        return false;
    }
    return true;
}

static void expiry_free(struct expiry *x)
{
    list_remove(&x->link);
    free(x->sessions);
    free(x);
}
