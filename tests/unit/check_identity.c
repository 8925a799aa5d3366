/* Who a client is: SASL tokens, certificates, and what is enforced. The rules are ZooKeeperServer.processSasl's and
 * AuthenticationHelper's (3.8.0). */
#include "request/core_private.h"

#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;

static void setup(void)
{
    driver_new(&d, 1, 0, 0);
    d.config.sasl = d.config.auth.sasl = true;
    driver_boot(&d, -1, -1);
    ck_assert_int_ne(client_connects(&d, 0), 0);
    driver_links(&d);
}

static void teardown(void)
{
    driver_free(&d);
}

static void token(int32_t xid, const char *text)
{
    struct bytes body = {0};
    jute_put_string(&body, slice_str(text));
    ask_raw(&d, 0, xid, OP_SASL, bytes_slice(&body));
    bytes_free(&body);
}

static void verdict(enum sasl_verdict v, const char *answer, const char *user)
{
    driver_step(&d, (struct event){.type = EV_SASL,
                                   .verdict = v,
                                   .frame = answer ? slice_str(answer) : SLICE_NULL,
                                   .who = slice_str(user)});
}

/* The reply to a token; NULL for none in it. */
static void answered(int32_t xid, int32_t err, const char *with)
{
    struct reply r = client_reply(&d, 0);
    ck_assert(r.came);
    ck_assert_int_eq(r.xid, xid);
    ck_assert_int_eq(r.err, err);
    ck_assert_int_eq(r.zxid, 0);
    struct slice s;
    jute_get_string(&r.body, &s);
    ck_assert(!r.body.bad && cursor_left(&r.body) == 0);
    if (with == NULL)
        ck_assert(slice_is_null(s));
    else
        ck_slice_eq(s, with);
}

static bool is_now(const char *scheme)
{
    return auth_has(vector_trusted(bytes_slice(&client_at(d.core, 0)->ids)), slice_str(scheme));
}

START_TEST(a_token_waits_for_its_verdict_and_nothing_more_is_wanted_meanwhile)
{
    ck_assert(core_wants(d.core, LINK_CLIENT, 0));
    token(4, "first");
    ck_links(&d, "sasl 0 'first'");
    ck_assert(!core_wants(d.core, LINK_CLIENT, 0));
    ck_assert(!client_reply(&d, 0).came);
    verdict(SASL_MORE, "challenge", "");
    answered(4, ZK_OK, "challenge");
    ck_assert(core_wants(d.core, LINK_CLIENT, 0));
    ck_assert(!is_now("sasl"));
    token(5, "response");
    ck_links(&d, "sasl 0 'response'");
    verdict(SASL_PROVEN, "rspauth", "bob");
    answered(5, ZK_OK, "rspauth");
    ck_assert(is_now("sasl"));
    ck_assert(!is_now("super"));
    ck_links(&d, "");
}
END_TEST

START_TEST(super_users_are_named)
{
    static const char *const supers[] = {"bob", NULL};
    d.config.auth.sasl_supers = supers;
    token(4, "x");
    verdict(SASL_PROVEN, "y", "bob");
    ck_assert(is_now("super"));
}
END_TEST

START_TEST(who_fails_is_told_and_closed)
{
    token(4, "x");
    driver_links(&d);
    verdict(SASL_FAILED, NULL, "");
    answered(4, ZK_AUTH_FAILED, NULL);
    ck_links(&d, "close client 0");
}
END_TEST

START_TEST(who_fails_may_stay_where_that_is_allowed)
{
    d.config.sasl_failed_stay = true;
    token(4, "x");
    driver_links(&d);
    verdict(SASL_FAILED, NULL, "");
    answered(4, ZK_OK, NULL);
    ck_links(&d, "");
    ck_assert(!is_now("sasl"));
    ck_assert(core_wants(d.core, LINK_CLIENT, 0));
}
END_TEST

START_TEST(who_fails_at_what_is_enforced_is_told_another_error)
{
    static const char *const enforced[] = {"sasl", NULL};
    d.config.enforced = enforced;
    d.config.sasl_failed_stay = true;
    token(4, "x");
    driver_links(&d);
    verdict(SASL_FAILED, NULL, "");
    answered(4, ZK_SESSION_CLOSED_REQUIRE_SASL, NULL);
    ck_links(&d, "close client 0");
}
END_TEST

START_TEST(a_null_token_is_no_request)
{
    ask_raw(&d, 0, 4, OP_SASL, SLICE_OF("\xff\xff\xff\xff"));
    ck_links(&d, "close client 0");
}
END_TEST

START_TEST(a_verdict_that_nobody_waits_for_is_nothing)
{
    verdict(SASL_PROVEN, "y", "bob");
    ck_assert(!client_reply(&d, 0).came);
    ck_assert(!is_now("sasl"));
    driver_step(&d, (struct event){.type = EV_SASL, .id = 7, .verdict = SASL_PROVEN});
}
END_TEST

/* Every request but auth and sasl, a ping too. */
START_TEST(without_an_enforced_scheme_a_client_may_only_prove_one)
{
    static const char *const enforced[] = {"digest", "x509", NULL};
    d.config.enforced = enforced;
    ask_auth(&d, 0, "digest", "bob:b");
    ck_heard(&d, 0, "-4 OK");
    ask_read(&d, 0, 6, OP_EXISTS, "/", false);
    ck_assert_int_eq(client_reply(&d, 0).err, ZK_OK);
    ck_assert_int_ne(client_connects(&d, 1), 0);
    driver_links(&d);
    ask_raw(&d, 1, XID_PING, OP_PING, SLICE_NULL);
    struct reply r = client_reply(&d, 1);
    ck_assert_int_eq(r.xid, XID_PING);
    ck_assert_int_eq(r.err, ZK_SESSION_CLOSED_REQUIRE_SASL);
    ck_assert_int_eq(cursor_left(&r.body), 0);
    ck_links(&d, "close client 1");
}
END_TEST

START_TEST(a_certificate_is_an_identity_from_the_start)
{
    static const char *const enforced[] = {"x509", NULL};
    d.config.enforced = enforced;
    d.config.auth.x509 = true;
    driver_step(&d, (struct event){.type = EV_LINK_UP,
                                   .kind = LINK_CLIENT,
                                   .id = 1,
                                   .frame = SLICE_OF("127.0.0.1"),
                                   .who = SLICE_OF("CN=bob")});
    connect_request(&d, 1, 0, 10000, 0, NULL, 0);
    ck_assert(connect_answer(&d, 1).came);
    ask_read(&d, 1, 6, OP_EXISTS, "/", false);
    ck_assert_int_eq(client_reply(&d, 1).err, ZK_OK);
    ask_auth(&d, 1, "x509", "");
    ck_heard(&d, 1, "-4 OK");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("identity");
    TCase *c = unit_case(s, "identity");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_token_waits_for_its_verdict_and_nothing_more_is_wanted_meanwhile);
    tcase_add_test(c, super_users_are_named);
    tcase_add_test(c, who_fails_is_told_and_closed);
    tcase_add_test(c, who_fails_may_stay_where_that_is_allowed);
    tcase_add_test(c, who_fails_at_what_is_enforced_is_told_another_error);
    tcase_add_test(c, a_null_token_is_no_request);
    tcase_add_test(c, a_verdict_that_nobody_waits_for_is_nothing);
    tcase_add_test(c, without_an_enforced_scheme_a_client_may_only_prove_one);
    tcase_add_test(c, a_certificate_is_an_identity_from_the_start);
    return unit_run(s);
}
