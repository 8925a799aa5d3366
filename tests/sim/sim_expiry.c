/* The checker of sessions' time. */
#include "tests/sim/sim_expiry.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_world.h"

struct expiry {
    struct map heard[SERVERS_MAX]; /* session to when, by the server's clock */
    int64_t led_since[SERVERS_MAX];
    struct map ordered; /* sessions that may end at any time */
};

struct expiry *expiry_new(void)
{
    return xcalloc(1, sizeof(struct expiry));
}

void expiry_free(struct expiry *x)
{
    for (int i = 0; i < SERVERS_MAX; i++) map_free(&x->heard[i]);
    map_free(&x->ordered);
    free(x);
}

void expiry_boots(struct server *s)
{
    map_free(&s->world->expiry->heard[s->index]);
}

void expiry_leads(struct server *s)
{
    s->world->expiry->led_since[s->index] = server_clock(s);
}

void expiry_heard(struct server *s, int64_t session)
{
    map_put(&s->world->expiry->heard[s->index], (uint64_t)session, (void *)(uintptr_t)server_clock(s));
}

void expiry_ordered(struct world *w, int64_t session)
{
    map_put(&w->expiry->ordered, (uint64_t)session, w);
}

void expiry_closes(struct server *s, int64_t session)
{
    struct world *w = s->world;
    const struct model_session *known = model_session(check_model(w), session);
    if (known == NULL || known->closed != 0 || map_get(&w->expiry->ordered, (uint64_t)session) != NULL) return;
    int64_t heard = (int64_t)(uintptr_t)map_get(&w->expiry->heard[s->index], (uint64_t)session);
    int64_t since = w->expiry->led_since[s->index] > heard ? w->expiry->led_since[s->index] : heard;
    if (server_clock(s) - since < MS(known->timeout_ms))
        violation(w, "sessions live until their time has passed",
                  "zoo%" PRId64 " ends 0x%" PRIx64 " (%d ms) %" PRId64 " ms after it heard it", s->sid,
                  (uint64_t)session, known->timeout_ms, (server_clock(s) - since) / 1000);
}
