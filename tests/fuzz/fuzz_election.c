/* The election port: the greeting and messages as bytes, and a server that looks for a leader and hears anything from
 * anyone. */
#include <assert.h>

#include "tests/fuzz/host.h"
#include "tests/fuzz/make.h"
#include "wire/peer_records.h"

static void try_hello(struct slice s);
static void try_notification(struct slice s);
static void act(struct host *h, struct script *s);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    uint8_t how = script_u8(&s);
    if (how < 2) {
        struct slice rest = script_take(&s, size);
        if (how == 0)
            try_hello(rest);
        else
            try_notification(rest);
        return 0;
    }
    struct host h;
    host_new(&h, host_config(1 + how % 4));
    host_start(&h);
    while (script_more(&s) && !h.stopped) act(&h, &s);
    host_free(&h);
    return 0;
}

static void try_hello(struct slice s)
{
    struct election_hello whole, part;
    struct slice exact = exact_copy(s);
    long n = election_hello_get(exact.p, (size_t)exact.len, &whole);
    assert(n >= -1 && n <= exact.len);
    for (size_t len = 0; len < (size_t)exact.len; len++) {
        struct slice less = exact_copy(slice_of(exact.p, len));
        long m = election_hello_get(less.p, len, &part);
        assert(m == 0 || m == n);
        exact_free(less);
    }
    if (n > 8) {
        struct bytes b = {0};
        election_hello_put(&b, whole.sid, whole.address);
        assert(b.len == (size_t)n && memcmp(b.data + 8, exact.p + 8, b.len - 8) == 0);
        bytes_free(&b);
    }
    exact_free(exact);
}

static void try_notification(struct slice s)
{
    struct notification n, back;
    struct slice exact = exact_copy(s);
    if (notification_get(exact, &n)) {
        struct bytes b = {0};
        notification_put(&b, &n);
        assert(notification_get(slice_of(b.data + 4, b.len - 4), &back));
        assert(back.state == n.state && back.leader == n.leader && back.zxid == n.zxid &&
               back.peer_epoch == n.peer_epoch);
        assert(back.election_epoch == n.election_epoch && back.config.len == (n.config.len > 0 ? n.config.len : 0));
        bytes_free(&b);
    }
    exact_free(exact);
}

/* Members 1 to 4, strangers 0 and 5. */
static void act(struct host *h, struct script *s)
{
    enum { HEAR, HEAR_RAW, VOTE, UP, DOWN, TIME, DISK, LEADER, ACTIONS };
    uint8_t what = script_u8(s);
    int64_t sid = what / ACTIONS % 6;
    struct core_status st;
    struct bytes b = {0};
    core_status(h->core, &st);
    switch (what % ACTIONS) {
    case HEAR:
        make_notification(s, &b, st.round, st.logged, st.epoch);
        host_frame(h, LINK_ELECTION, sid, bytes_slice(&b), true);
        break;
    case HEAR_RAW: host_frame(h, LINK_ELECTION, sid, script_run(s), true); break;
    case VOTE: {
        enum peer_state state = (enum peer_state)script_below(s, 4);
        host_vote(h, sid, state, script_below(s, 6));
        break;
    }
    case UP: host_up(h, LINK_ELECTION, sid); break;
    case DOWN: {
        static const enum reason why[] = {REASON_REFUSED, REASON_RESET, REASON_TIMEOUT, REASON_CLOSED};
        host_down(h, LINK_ELECTION, sid, why[script_below(s, 4)]);
        break;
    }
    case TIME: host_time(h, script_u8(s) * 10 * 1000); break;
    case DISK: host_disk(h); break;
    default:
        if (h->leader != 0 && !h->leader_up && what & 0x80)
            host_up(h, LINK_LEADER, h->leader);
        else if (h->leader != 0)
            host_down(h, LINK_LEADER, h->leader, REASON_REFUSED);
        break;
    }
    bytes_free(&b);
}

/* --- seeds --- */

void fuzz_seeds(seed_fn *add, void *arg)
{
    struct bytes b = {0};
    bytes_u8(&b, 0);
    election_hello_put(&b, 2, SLICE_OF("127.0.0.1:3888"));
    add(arg, "hello", &b);
    bytes_clear(&b);
    bytes_u8(&b, 0);
    bytes_i64(&b, 3);
    add(arg, "hello-old", &b);
    for (int cut = 0; cut < 3; cut++) {
        static const char *const names[] = {"vote", "vote-v0", "vote-oldest"};
        static const size_t sizes[] = {0, 1 + 40, 1 + 28};
        struct bytes whole = {0};
        notification_put(&whole, &(struct notification){PEER_LOOKING, 2, 0x100000001, 1, 1, 2, SLICE_OF("version=0")});
        bytes_clear(&b);
        bytes_u8(&b, 1);
        bytes_put(&b, whole.data + 4, whole.len - 4);
        if (sizes[cut] != 0) b.len = sizes[cut];
        add(arg, names[cut], &b);
        bytes_free(&whole);
    }
    for (uint8_t how = 2; how < 6; how++) {
        /* Everyone is up and votes for one; it is told of others, of the past, and time passes. */
        static const uint8_t script[] = {11, 19,  27, 35,  10, 0, 2, 18, 0, 2,  26, 0, 2,  7, 135, 5,  255,
                                         5,  255, 8,  0,   0,  2, 0, 1,  0, 18, 1,  3, 26, 2, 3,   12, 1,
                                         20, 0,   5,  200, 9,  3, 1, 2,  3, 47, 40, 1, 15, 1, 2,   3,  4};
        bytes_clear(&b);
        bytes_u8(&b, how);
        bytes_put(&b, script, sizeof script);
        char name[] = {'s', (char)('0' + how), 0};
        add(arg, name, &b);
    }
    bytes_free(&b);
}
