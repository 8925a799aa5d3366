/* What the configuration means for the core and for the network. */
#include <inttypes.h>

#include "base/xalloc.h"
#include "log.h"
#include "parts.h"

/* Each voter but one takes its part, as in LeaderZooKeeperServer.getGlobalOutstandingLimit. */
static int32_t outstanding_max(const struct conf *c)
{
    size_t voters = c->standalone ? 1 : conf_voters(c);
    int32_t part = voters > 2 ? c->outstanding_max / (int32_t)(voters - 1) : c->outstanding_max;
    return part > 0 ? part : 1;
}

void assemble_core(struct server *s, uint64_t seed)
{
    const struct conf *c = s->conf;
    s->core_peers = conf_peers(c, &s->core_groups);
    s->core_config = (struct core_config){
        .sid = c->standalone ? 1 : c->myid,
        .standalone = c->standalone,
        .peers = c->standalone ? NULL : s->core_peers,
        .n_peers = c->standalone ? 0 : c->n_servers,
        .groups = s->core_groups,
        .n_groups = c->n_groups,
        .tick_ms = c->tick_ms,
        .init_limit = c->init_limit,
        .sync_limit = c->sync_limit,
        .min_session_ms = c->min_session_ms,
        .max_session_ms = c->max_session_ms,
        .snap_count = c->snap_count,
        .config_text = c->config_text,
        .auth = s->security.rules,
        .skip_acl = c->skip_acl,
        .sasl = s->security.sasl != NULL,
        .sasl_failed_stay = c->allow_sasl_failed,
        .enforced = s->security.enforced,
        .read_only = c->read_only,
        .requests = {c->throttle.max, c->throttle.stall_ms, c->throttle.drop_stale, c->throttle.stale_latency,
                     c->throttle.stale_connection, c->throttle.op_wait_ms},
        .asked = {c->asked.tokens, c->asked.fill_ms, c->asked.fill_count, c->asked.freeze_ms, c->asked.drop_increase,
                  c->asked.drop_decrease, c->asked.decrease_ratio, c->asked.weighted, c->asked.weight_global,
                  c->asked.weight_local, c->asked.weight_renewed},
        .extended_types = c->extended_types,
        .digest_off = !c->digest_enabled,
        .local_sessions = c->local_sessions && !c->standalone,
        .local_sessions_upgrade = c->local_sessions_upgrade,
        .enforce_quota = c->enforce_quota,
        .outstanding_max = outstanding_max(c),
        .container_check_ms = c->container_check_ms,
        .seed = seed,
    };
    s->core = core_new(&s->core_config);
}

/* --- what the network tells --- */

static void stepped(void *arg, const struct update *u)
{
    struct server *s = arg;
    death_stepped(&s->orders.death, u);
}

static enum net_word answer_word(void *arg, int64_t asker, struct slice bytes, struct bytes *answer)
{
    struct server *s = arg;
    return admin_word(s->admin, asker, bytes, answer);
}

/* Strangers may come by the thousand: ten lines a second are enough to see that. */
static void offender(void *arg, enum link_kind kind, int64_t id, enum reason reason, const struct address *from)
{
    enum { LINES = 10, SECOND_US = 1000000 };
    struct server *s = arg;
    char text[ADDRESS_TEXT_MAX];
    struct fact f = {net_now_us(), FACT_OFFENDER, {kind, id, reason}};
    if (f.at_us - s->offended_us > SECOND_US) {
        if (s->offences > LINES) log_line(LOG_WARN_LINE, "%" PRId64 " more offenders", s->offences - LINES);
        s->offended_us = f.at_us;
        s->offences = 0;
    }
    if (s->offences++ >= LINES) return;
    control_fact(s->control, &f);
    bytes_clear(&s->text);
    fact_text(&s->text, &f);
    log_line(LOG_WARN_LINE, "%.*s from=%s", SLICE_ARG(bytes_slice(&s->text)), address_text(from, text));
}

static void trouble(void *arg, const char *text)
{
    (void)arg;
    log_line(LOG_WARN_LINE, "%s", text);
}

void assemble_net(struct server *s, uint64_t seed)
{
    const struct conf *c = s->conf;
    s->net_peers = xcalloc(c->n_servers + 1, sizeof *s->net_peers);
    for (size_t i = 0; i < c->n_servers; i++)
        s->net_peers[i] = (struct net_peer){c->servers[i].sid, c->servers[i].host, c->servers[i].quorum_port,
                                            c->servers[i].election_port};
    const struct net_config config = {
        .loop = s->loop,
        .core = s->core,
        .sid = c->myid,
        .client_host = c->client_port == 0  ? NULL
                       : *c->client_address ? c->client_address
                                            : "127.0.0.1",
        .client_port = (uint16_t)c->client_port,
        .secure_host = c->secure_port == 0  ? NULL
                       : *c->secure_address ? c->secure_address
                                            : "127.0.0.1",
        .secure_port = (uint16_t)c->secure_port,
        .tls = s->security.tls,
        .unified = c->port_unification,
        .sasl = s->security.sasl,
        .peers = s->net_peers,
        .n_peers = c->standalone ? 0 : c->n_servers,
        .all_ips = c->quorum_on_all_ips,
        .reuse_port = s->control != NULL,
        .max_client_cnxns = c->max_client_cnxns,
        .max_cnxns = c->max_cnxns,
        .max_buffer = c->max_buffer,
        .connect_ms = c->connect_ms,
        .hello_ms = c->connect_ms,
        .sessionless_ms = c->sessionless_ms,
        .handshakes_max = c->handshakes_max,
        .seed = seed,
        .arg = s,
        .word = answer_word,
        .offender = offender,
        .stepped = s->control != NULL ? stepped : NULL,
        .trouble = trouble,
    };
    s->net = net_new(&config);
    s->panel = (struct panel){.conf = c,
                              .core = s->core,
                              .net = s->net,
                              .loop = s->loop,
                              .store = s->store,
                              .started_us = net_now_us(),
                              .trace_mask = TRACE_MASK_USUAL,
                              .snapshot_zxid = -1,
                              .snapshot_s = -1};
}
