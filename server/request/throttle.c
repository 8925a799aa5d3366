/* The limit of sessions asked for in a time. */
#include "request/throttle.h"

/* A local session costs least; what Apache does not accept as a weight is its default. */
static int64_t weight_of(const struct session_limits *l, enum throttle_kind kind)
{
    int64_t local = l->weight_local > 0 ? l->weight_local : 1;
    int64_t global = l->weight_global > 0 ? l->weight_global : 3,
            renewed = l->weight_renewed > 0 ? l->weight_renewed : 2;
    int64_t weight = kind == THROTTLE_LOCAL ? local : kind == THROTTLE_GLOBAL ? global : renewed;
    return weight < local ? local : weight;
}

/* The tokens that are configured stand for global sessions. */
static int64_t scale_of(const struct session_limits *l)
{
    return l->weighted ? weight_of(l, THROTTLE_GLOBAL) : 1;
}

static int64_t most_of(const struct session_limits *l)
{
    return scale_of(l) * l->tokens;
}

void throttle_begin(struct throttle *t, const struct session_limits *l, int64_t now_us)
{
    *t = (struct throttle){.tokens = most_of(l), .filled_ms = now_us / 1000, .frozen_ms = now_us / 1000};
}

static void fill(struct throttle *t, const struct session_limits *l, int64_t now_ms)
{
    int64_t passed = now_ms - t->filled_ms;
    if (passed <= l->fill_ms) return;
    t->tokens += passed * scale_of(l) * l->fill_count / l->fill_ms;
    if (t->tokens > most_of(l)) t->tokens = most_of(l);
    t->filled_ms = now_ms;
}

/* False: refused by chance. */
static bool survives(struct throttle *t, const struct session_limits *l, int64_t now_ms, struct rnd *rnd)
{
    int64_t spent = throttle_deficit(t, l);
    if (now_ms - t->frozen_ms > l->freeze_ms) {
        if (spent == most_of(l))
            t->drop = t->drop + l->drop_increase > 1 ? 1 : t->drop + l->drop_increase;
        else if ((double)spent <= (double)most_of(l) * l->decrease_ratio)
            t->drop = t->drop < l->drop_decrease ? 0 : t->drop - l->drop_decrease;
        t->frozen_ms = now_ms;
    }
    return (double)(rnd_next(rnd) >> 11) * 0x1p-53 >= t->drop;
}

bool throttle_take(struct throttle *t, const struct session_limits *l, enum throttle_kind kind, int64_t now_us,
                   struct rnd *rnd)
{
    int64_t now_ms = now_us / 1000, need = l->weighted ? weight_of(l, kind) : 1;
    if (l->tokens == 0) return true;
    fill(t, l, now_ms);
    if (l->freeze_ms != -1 && !survives(t, l, now_ms, rnd)) return false;
    if (t->tokens < need) return false;
    t->tokens -= need;
    return true;
}

int64_t throttle_deficit(const struct throttle *t, const struct session_limits *l)
{
    return most_of(l) - t->tokens;
}
