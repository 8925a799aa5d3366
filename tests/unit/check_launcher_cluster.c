/* The cluster's folder: finding it, confs, ports, and taking away only what was made. Each test has a folder of its
 * own. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/cluster.h"
#include "launcher/confs.h"
#include "launcher/membership.h"
#include "launcher/ports.h"
#include "launcher/text.h"
#include "launcher/votes.h"

static char folder[64];
static char *why;

static void set_up(void)
{
    strcpy(folder, "/tmp/check_launcher-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    char state[80];
    snprintf(state, sizeof state, "%s/state", folder);
    setenv("XDG_STATE_HOME", state, 1);
    unsetenv("PSEUDO_CLUSTER_DIR");
    why = NULL;
}

static void tear_down(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert(remove_tree(folder));
    free(why);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

/* --- finding --- */

START_TEST(the_nearest_folder_with_confs_is_it)
{
    struct cluster c;
    struct globals g = {0};
    ck_assert_int_eq(mkdir("confs", 0777) | mkdir("a", 0777) | mkdir("a/b", 0777), 0);
    put_file("confs/zoo1.cfg", "");
    ck_assert_int_eq(chdir("a/b"), 0);
    ck_assert_int_eq(cluster_locate(&c, &g, &why), 0);
    ck_assert_str_eq(c.dir, folder);
    ck_assert(c.fixed && !c.made);
    cluster_free(&c);
}
END_TEST

START_TEST(names_and_options_choose)
{
    struct cluster c;
    struct globals g = {0};
    char expected[128];
    ck_assert_int_eq(cluster_locate(&c, &g, &why), 0);
    snprintf(expected, sizeof expected, "%s/state/pseudo-cluster/default", folder);
    ck_assert_str_eq(c.dir, expected);
    ck_assert(c.fixed && c.made);
    cluster_free(&c);

    setenv("PSEUDO_CLUSTER_DIR", "/somewhere/else", 1);
    ck_assert_int_eq(cluster_locate(&c, &g, &why), 0);
    ck_assert_str_eq(c.dir, "/somewhere/else");
    cluster_free(&c);

    g.name = "two";
    ck_assert_int_eq(cluster_locate(&c, &g, &why), 0);
    snprintf(expected, sizeof expected, "%s/state/pseudo-cluster/two", folder);
    ck_assert_str_eq(c.dir, expected);
    ck_assert(!c.fixed);
    ck_assert_str_eq(c.call, "pseudo-cluster --name two");
    cluster_free(&c);

    g.dir = "x";
    ck_assert_int_eq(cluster_locate(&c, &g, &why), -1);
    free(why);
    why = NULL;
    g.name = NULL;
    ck_assert_int_eq(cluster_locate(&c, &g, &why), 0);
    snprintf(expected, sizeof expected, "%s/x", folder);
    ck_assert_str_eq(c.dir, expected);
    cluster_free(&c);

    static const char *const bad[] = {"", "../up", "a/b", ".hidden"};
    g.dir = NULL;
    for (size_t i = 0; i < 4; i++) {
        g.name = bad[i];
        ck_assert_int_eq(cluster_locate(&c, &g, &why), -1);
        free(why);
        why = NULL;
    }
}
END_TEST

/* --- preparing --- */

static struct cluster here(void)
{
    ck_assert_int_eq(mkdir("run", 0700) == 0 || errno == EEXIST, 1);
    return (struct cluster){
        .dir = xstrdup(folder), .name = xstrdup("here"), .call = xstrdup("pseudo-cluster"), .made = false};
}

START_TEST(confs_are_written_and_kept_and_taken_away)
{
    struct cluster c = here();
    struct ports ports = {0};
    int exit;
    put_file("mine", "stays\n");
    ck_assert_int_eq(cluster_prepare(&c, 3, &ports, &why, &exit), 0);
    ck_assert_uint_eq(c.n, 3);
    uint16_t first = c.members[0].client_port;
    for (int id = 1; id <= 3; id++) {
        struct member m;
        ck_assert_msg(member_read(&m, "confs", id, &why) == 0, "%s", why);
        ck_assert_uint_eq(m.client_port, c.members[id - 1].client_port);
        ck_assert_uint_eq(m.quorum_port, c.members[id - 1].quorum_port);
        ck_assert_uint_eq(m.election_port, c.members[id - 1].election_port);
        ck_assert_str_eq(m.client_host, "127.0.0.1");
        ck_assert(m.client_port != m.quorum_port && m.quorum_port != m.election_port);
        member_free(&m);
        char path[64], line[16] = "";
        snprintf(path, sizeof path, "data/zoo%d/myid", id);
        FILE *f = fopen(path, "r");
        ck_assert_ptr_nonnull(f);
        ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
        fclose(f);
        ck_assert_int_eq(atoi(line), id);
    }
    ports_release(&ports);
    cluster_free(&c);

    /* The same ports again while they are free; others when somebody has taken one; fewer servers when asked for fewer.
     */
    c = here();
    ck_assert_int_eq(cluster_prepare(&c, 3, &ports, &why, &exit), 0);
    ck_assert_uint_eq(c.members[0].client_port, first);
    struct cluster second = here();
    struct ports more = {0};
    ck_assert_int_eq(cluster_prepare(&second, 3, &more, &why, &exit), 0);
    ck_assert_uint_ne(second.members[0].client_port, first);
    ports_release(&more);
    cluster_free(&second);
    second = here();
    ck_assert_int_eq(cluster_prepare(&second, 1, &more, &why, &exit), 0);
    ck_assert(second.members[0].standalone && second.members[0].quorum_port == 0);
    ck_assert_int_eq(access("confs/zoo2.cfg", F_OK), -1);
    ports_release(&more);
    cluster_free(&second);
    ports_release(&ports);

    ck_assert_msg(cluster_clean(&c, &why), "%s", why);
    ck_assert_int_eq(access("data", F_OK), -1);
    ck_assert_int_eq(access("confs", F_OK), -1);
    ck_assert_int_eq(access("run", F_OK), -1);
    ck_assert_int_eq(access("mine", F_OK), 0);
    cluster_free(&c);
}
END_TEST

START_TEST(somebodys_confs_are_used_or_left_alone)
{
    struct ports probe = {0};
    uint16_t port = ports_reserve(&probe, "127.0.0.1", 0);
    ports_release(&probe);
    char text[256];
    snprintf(text, sizeof text, "tickTime=500\ndataDir=data/own\nclientPort=%u\n", port);
    ck_assert_int_eq(mkdir("confs", 0777), 0);
    put_file("confs/zoo1.cfg", text);
    struct cluster c = here();
    struct ports ports = {0};
    int exit;
    ck_assert_msg(cluster_prepare(&c, 1, &ports, &why, &exit) == 0, "%s", why);
    ck_assert_uint_eq(c.members[0].client_port, port);
    ck_assert_str_eq(c.members[0].data_dir, "data/own");
    ck_assert_int_eq(c.members[0].tick_ms, 500);

    /* The port is ours as long as the reservation lives: a second one is told which port and whose. */
    struct cluster second = here();
    struct ports more = {0};
    ck_assert_int_eq(cluster_prepare(&second, 1, &more, &why, &exit), -1);
    ck_assert_int_eq(exit, EXIT_PORT_BUSY);
    char number[8];
    snprintf(number, sizeof number, "%u", port);
    ck_assert_ptr_nonnull(strstr(why, number));
    ck_assert_ptr_nonnull(strstr(why, "confs/zoo1.cfg"));
    cluster_free(&second);
    cluster_free(&c);
    ports_release(&ports);
    ports_release(&more);

    struct bytes now = {0};
    FILE *f = fopen("confs/zoo1.cfg", "r");
    bytes_grew(&now, fread(bytes_room(&now, 256), 1, 256, f));
    fclose(f);
    ck_assert_uint_eq(now.len, strlen(text));
    ck_assert_int_eq(memcmp(now.data, text, now.len), 0);
    bytes_free(&now);
}
END_TEST

START_TEST(anothers_data_is_not_touched)
{
    ck_assert_int_eq(mkdir("data", 0777) | mkdir("data/zoo1", 0777), 0);
    put_file("data/zoo1/myid", "7\n");
    struct cluster c = here();
    struct ports ports = {0};
    int exit;
    ck_assert_int_eq(cluster_prepare(&c, 1, &ports, &why, &exit), -1);
    ck_assert_ptr_nonnull(strstr(why, "data/zoo1/myid"));
    ports_release(&ports);
    cluster_free(&c);
}
END_TEST

START_TEST(the_list_of_what_was_made_cannot_lead_outside)
{
    struct cluster c = here();
    ck_assert_int_eq(mkdir("victim", 0777), 0);
    char list[256];
    snprintf(list, sizeof list, "../%s/victim\n%s/victim\n.\n\nvictim/../victim\n", strrchr(folder, '/') + 1, folder);
    put_file(MADE_LIST, list);
    ck_assert(cluster_clean(&c, &why));
    ck_assert_int_eq(access("victim", F_OK), 0);
    cluster_free(&c);
}
END_TEST

/* --- ports --- */

static int listener(uint16_t port, bool shared)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 8) == 0) return fd;
    close(fd);
    return -1;
}

static int connected(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    ck_assert_int_eq(errno, ECONNREFUSED);
    close(fd);
    return -1;
}

START_TEST(a_reserved_port_is_its_servers_alone)
{
    struct ports ports = {0};
    uint16_t port = ports_reserve(&ports, "127.0.0.1", 0);
    ck_assert_uint_ne(port, 0);
    ck_assert_int_eq(connected(port), -1); /* reserved is not listening */
    for (int round = 0; round < 3; round++) {
        int server = listener(port, true);
        ck_assert_int_ge(server, 0);
        int client = connected(port);
        ck_assert_int_ge(client, 0);
        int accepted = accept(server, NULL, NULL);
        ck_assert_int_ge(accepted, 0);
        close(accepted); /* the server's side closes first: TIME_WAIT stays on its port */
        close(client);
        close(server);
        ck_assert_int_eq(connected(port), -1); /* a dead server refuses */
    }
    ck_assert_int_eq(listener(port, false), -1); /* a stranger */
    struct ports other = {0};
    ck_assert_uint_eq(ports_reserve(&other, "127.0.0.1", port), 0); /* another cluster */
    ck_assert_int_eq(errno, EADDRINUSE);
    ports_release(&ports);
    ck_assert_uint_eq(ports_reserve(&other, "127.0.0.1", port),
                      port); /* connections in TIME_WAIT do not stand in the way */
    ports_release(&other);
}
END_TEST

START_TEST(a_port_in_use_cannot_be_reserved)
{
    struct ports ports = {0};
    uint16_t port = ports_reserve(&ports, "127.0.0.1", 0);
    ports_release(&ports);
    int server = listener(port, true);
    ck_assert_int_ge(server, 0);
    ck_assert_uint_eq(ports_reserve(&ports, "127.0.0.1", port), 0);
    ck_assert_int_eq(errno, EADDRINUSE);
    close(server);
}
END_TEST

/* --- small text --- */

START_TEST(near_misses)
{
    static const char *const verbs[] = {"up",    "status", "kill", "stop", "restart",
                                        "pause", "resume", "run",  "down", NULL};
    ck_assert_str_eq(nearest_word("stauts", verbs), "status");
    ck_assert_str_eq(nearest_word("kil", verbs), "kill");
    ck_assert_str_eq(nearest_word("rest", verbs), "restart");
    ck_assert_str_eq(nearest_word("donw", verbs), "down");
    ck_assert_ptr_null(nearest_word("completely", verbs));
    ck_assert_ptr_null(nearest_word("x", verbs));
}
END_TEST

START_TEST(durations)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{400, "0.4 ms"},    {9300, "9.3 ms"},     {41000, "41 ms"},          {999600, "1000 ms"},
                {10000000, "10 s"}, {12340000, "12.3 s"}, {200000000, "3 min 20 s"}, {-5, "0.0 ms"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes b = {0};
        put_duration(&b, rows[i].us);
        bytes_u8(&b, 0);
        ck_assert_str_eq((char *)b.data, rows[i].text);
        bytes_free(&b);
    }
}
END_TEST

/* --- groups and weights --- */

static bool takes(struct topology *t, int option, const char *value)
{
    free(why);
    why = NULL;
    return topology_take(t, option, value, &why);
}

static void ck_vote(const struct topology *t, int id, int64_t group, int64_t weight)
{
    int64_t g, w;
    topology_vote(t, id, &g, &w);
    ck_assert_msg(g == group && w == weight, "zoo%d: group %d weight %d", id, (int)g, (int)w);
}

START_TEST(groups_and_weights_are_read)
{
    struct topology t = {0};
    ck_vote(&t, 2, 0, 1);
    ck_assert(topology_fits(&t, 3, &why));
    ck_assert(takes(&t, 'W', "3,0,5=2"));
    ck_vote(&t, 1, 1, 3);
    ck_vote(&t, 2, 1, 0);
    ck_vote(&t, 3, 1, 1);
    ck_vote(&t, 5, 1, 2);
    ck_assert(topology_fits(&t, 5, &why));
    ck_assert(!topology_fits(&t, 4, &why));
    ck_assert_str_eq(why, "--weights gives zoo5 a weight, which is no voter: there are 4");
    ck_assert(takes(&t, 'G', "1:4,2:3:5"));
    ck_vote(&t, 4, 1, 1);
    ck_vote(&t, 5, 2, 2);
    ck_assert(topology_fits(&t, 5, &why));
    free(why);
    ck_assert(!topology_fits(&t, 6, &why));
    ck_assert_str_eq(why, "--groups leaves out zoo6; every voter is in one group");
    ck_assert(takes(&t, 'G', "1:2,2:3"));
    ck_assert(!topology_fits(&t, 3, &why));
    ck_assert_str_eq(why, "--groups names zoo2 twice; a server is in one group");
    ck_assert(takes(&t, 'G', "1:2,3") && takes(&t, 'W', "0,0,3=0"));
    free(why);
    ck_assert(!topology_fits(&t, 3, &why));
    static const char *const bad[] = {"", "1:", ":1", "1,,2", "a", "0:1", "1:2,", "1;2", "1:99999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(!takes(&t, 'G', bad[i]), "%s", bad[i]);
    static const char *const heavy[] = {"", "1,", "=1", "1=", "1=2=3", "0=1", "-1", "1:2", "99999999"};
    for (size_t i = 0; i < sizeof heavy / sizeof *heavy; i++) ck_assert_msg(!takes(&t, 'W', heavy[i]), "%s", heavy[i]);
    ck_assert(!takes(&t, 'S', "group.1=1") && !takes(&t, 'S', "weight.1=1"));
    topology_free(&t);
}
END_TEST

/* What is remembered of groups, weights, and of members once some came or went, is read again. */
START_TEST(a_topology_is_remembered)
{
    struct topology t = {0}, again;
    ck_assert_int_eq(mkdir("run", 0700), 0);
    ck_assert(takes(&t, 'G', "1:2,3") && takes(&t, 'W', "3=2"));
    t.members = xcalloc(2, sizeof *t.members);
    t.members[0] = (struct topology_member){1, false, ENGINE_ZKSERVER, 1, 1};
    t.members[1] = (struct topology_member){7, true, ENGINE_APACHE, 0, 1};
    t.n_members = 2;
    t.leaving = 3;
    t.leaving_keeps_data = true;
    ck_assert(topology_store(&t, ".", &why));
    topology_load(&again, ".");
    ck_assert_str_eq(again.groups, "1:2,3");
    ck_assert_str_eq(again.weights, "3=2");
    ck_assert_uint_eq(again.n_members, 2);
    ck_assert_int_eq(again.members[1].id, 7);
    ck_assert(again.members[1].observer && again.members[1].engine == ENGINE_APACHE);
    ck_assert_int_eq(again.members[0].group, 1);
    ck_assert(again.leaving == 3 && again.leaving_keeps_data);
    topology_free(&t);
    topology_free(&again);
}
END_TEST

START_TEST(what_counts_is_told)
{
    struct cluster c = {.members = xcalloc(4, sizeof *c.members), .n = 4, .grouped = true};
    for (int i = 0; i < 4; i++)
        c.members[i] = (struct member){.id = i + 1, .group = i < 2 ? 1 : 2, .weight = i == 0 ? 2 : 1};
    c.members[3].membership = MEMBER_GONE;
    members_quorum(&c.quorum, c.members, c.n);
    json_t *told = votes_json(&c, member_bit(1) | member_bit(2), 1);
    struct bytes b = {0};
    votes_put_running(&b, told);
    bytes_printf(&b, "; ");
    votes_put_needed(&b, told);
    bytes_printf(&b, "\n");
    votes_put_groups(&b, told, "- ");
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data, "1 of 2 groups run; 2 are needed\n"
                                     "- group 1 (zoo1, zoo2): a weight of 1 of 3 runs, and more than half is needed\n"
                                     "- group 2 (zoo3): a weight of 1 of 1 runs, more than half\n");
    json_decref(told);
    for (int i = 0; i < 4; i++) c.members[i].group = 1;
    members_quorum(&c.quorum, c.members, c.n);
    told = votes_json(&c, member_bit(1) | member_bit(2), 2);
    bytes_clear(&b);
    votes_put_running(&b, told);
    bytes_printf(&b, "; ");
    votes_put_needed(&b, told);
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data, "a weight of 2 of 4 runs; 3 is needed");
    json_decref(told);
    bytes_free(&b);
    free(c.members);
}
END_TEST

START_TEST(last_lines)
{
    ck_assert_ptr_null(last_line("nothing"));
    put_file("empty", "");
    ck_assert_ptr_null(last_line("empty"));
    put_file("log", "first\nsecond\n\n");
    char *line = last_line("log");
    ck_assert_str_eq(line, "second");
    free(line);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cluster");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, the_nearest_folder_with_confs_is_it);
    tcase_add_test(t, names_and_options_choose);
    tcase_add_test(t, confs_are_written_and_kept_and_taken_away);
    tcase_add_test(t, somebodys_confs_are_used_or_left_alone);
    tcase_add_test(t, anothers_data_is_not_touched);
    tcase_add_test(t, the_list_of_what_was_made_cannot_lead_outside);
    tcase_add_test(t, a_reserved_port_is_its_servers_alone);
    tcase_add_test(t, a_port_in_use_cannot_be_reserved);
    tcase_add_test(t, near_misses);
    tcase_add_test(t, durations);
    tcase_add_test(t, groups_and_weights_are_read);
    tcase_add_test(t, a_topology_is_remembered);
    tcase_add_test(t, what_counts_is_told);
    tcase_add_test(t, last_lines);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
