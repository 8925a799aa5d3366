/* Dying as ordered. */
#include "death.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "store/power.h"
#include "wire/proto.h"
#include "wire/txn_records.h"

static void die(struct death *d) __attribute__((noreturn));
static int64_t write_in(const struct update *u);
static void send_one_commit(struct death *d, const struct update *u);

static const char *const names[] = {[DEATH_NONE] = "never",
                                    [DEATH_NOW] = "now",
                                    [DEATH_PROPOSE] = "propose",
                                    [DEATH_QUORUM_ACKED] = "quorum-acked",
                                    [DEATH_COMMIT] = "commit"};

enum death_step death_parse(struct slice name)
{
    for (enum death_step s = DEATH_NOW; s <= DEATH_COMMIT; s++)
        if (slice_equal(name, slice_str(names[s]))) return s;
    return DEATH_NONE;
}

const char *death_arm(struct death *d, enum death_step step, bool power_loss)
{
    struct core_status now;
    d->step = DEATH_NONE;
    d->zxid = 0;
    d->power_loss = power_loss;
    if (step > DEATH_NOW) {
        if (d->core == NULL) return "it has not started yet";
        core_status(d->core, &now);
        if (now.state != PEER_LEADING || now.service != SERVICE_FULL)
            return "it does not lead now: only a leader proposes";
        if (now.standalone && step == DEATH_COMMIT)
            return "it is alone and sends nobody a COMMIT; possible are propose and quorum-acked";
    }
    d->step = step;
    if (step == DEATH_NOW) die(d);
    return NULL;
}

void death_stepped(struct death *d, const struct update *u)
{
    struct core_status now;
    if (d->step == DEATH_NONE) return;
    core_status(d->core, &now);
    if (d->zxid == 0 && now.state == PEER_LEADING && now.service == SERVICE_FULL) d->zxid = write_in(u);
    if (d->zxid == 0 || now.zxid < d->zxid) return;
    /* It is committed, and of this update nothing has left. Not at the turn's end: a socket that becomes writable
     * before would send some of it. */
    if (d->step == DEATH_COMMIT) send_one_commit(d, u);
    if (d->step > DEATH_PROPOSE) die(d);
}

void death_carried_out(struct death *d)
{
    if (d->step == DEATH_PROPOSE && d->zxid != 0) die(d);
}

/* The zxid of the first write that is appended, 0 for none. */
static int64_t write_in(const struct update *u)
{
    for (size_t i = 0; i < u->n_disk; i++) {
        if (u->disk[i].type != DISK_APPEND) continue;
        struct cursor c = cursor_slice(buf_slice(u->disk[i].record));
        struct txn_header h;
        /* Errors, sessions that begin and sessions that end have negative types. */
        if (txn_header_get(&c, &h) && h.type > 0) return u->disk[i].zxid;
    }
    return 0;
}

static bool votes(const struct core_config *config, int64_t sid)
{
    for (size_t i = 0; i < config->n_peers; i++)
        if (config->peers[i].sid == sid) return !config->peers[i].observer;
    return false;
}

static void send_one_commit(struct death *d, const struct update *u)
{
    for (size_t i = 0; i < u->n_outputs; i++) {
        if (u->outputs[i].kind != LINK_LEARNER || !votes(d->config, net_learner(d->net, u->outputs[i].id))) continue;
        net_flush(d->net, LINK_LEARNER, u->outputs[i].id);
        return;
    }
}

/* By the signal that nothing in the process can answer, so that nobody can take it for an orderly end. */
static void die(struct death *d)
{
    struct power_loss loss = {0};
    char lost[256] = "", of[48] = "";
    if (d->power_loss) {
        power_lose((uint64_t)net_now_us(), &loss);
        snprintf(lost, sizeof lost,
                 ",\"power_loss\":true,\"writes\":%zu,\"bytes\":%" PRIu64
                 ",\"names\":%zu,\"torn\":\"%s\",\"kept\":%zu,\"of\":%zu",
                 loss.writes, loss.bytes, loss.names, loss.torn, loss.kept, loss.of);
    }
    if (d->zxid != 0) snprintf(of, sizeof of, ",\"zxid\":\"0x%" PRIx64 "\"", (uint64_t)d->zxid);
    log_line(LOG_WARN_LINE, "dies as ordered: %s%s", names[d->step], d->power_loss ? ", without power" : "");
    control_say(d->control, "dying", ",\"at\":\"%s\"%s%s", names[d->step], of, lost);
    control_drain(d->control);
    kill(getpid(), SIGKILL);
    _exit(128 + SIGKILL);
}
