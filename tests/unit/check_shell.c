/* The server's small parts: figures as Java prints them, the whitelist, the JSON of the control channel, the pid file.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "pidfile.h"
#include "version.h"
#include "words.h"

START_TEST(test_average)
{
    static const struct {
        int64_t total_us, count;
        const char *text;
    } rows[] = {
        {0, 0, "0.0"},
        {0, 5, "0.0"},
        {1000, 3, "0.3333"},
        {2000, 3, "0.6667"},
        {12500, 1, "12.5"},
        {100000, 1, "100.0"},
        {1, 10, "1.0E-4"},
        {9, 10, "9.0E-4"},
        {1, 1, "0.001"},
        {1, 30, "0.0"},
        {5000000, 3, "1666.6667"},
        {123450, 10, "12.345"},
        {99999600, 100, "999.996"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes b = {0};
        put_average(&b, rows[i].total_us, rows[i].count);
        bytes_u8(&b, 0);
        ck_assert_str_eq((char *)b.data, rows[i].text);
        bytes_free(&b);
    }
}
END_TEST

START_TEST(test_whitelist)
{
    ck_assert(words_allowed("", "srvr"));
    ck_assert(!words_allowed("", "stat"));
    ck_assert(words_allowed("*", "stat"));
    ck_assert(words_allowed("ruok, stat ,mntr", "stat"));
    ck_assert(words_allowed("ruok,stat,mntr", "mntr"));
    ck_assert(!words_allowed("ruok,statx,mntr", "stat"));
    ck_assert(!words_allowed("ruok,sta", "stat"));
    ck_assert(words_allowed("ruok,*", "stat"));
}
END_TEST

START_TEST(test_version)
{
    ck_assert_ptr_nonnull(strstr(version_text(), ", built on 20"));
    ck_assert_int_eq(strncmp(version_text(), "3.8.0-pseudo-cluster-", 21), 0);
}
END_TEST

static void field_is(const char *line, const char *key, const char *value)
{
    struct slice s = json_field(slice_str(line), key);
    if (value == NULL)
        ck_assert_msg(slice_is_null(s), "%s in %s is %.*s", key, line, SLICE_ARG(s));
    else
        ck_assert_msg(slice_equal(s, slice_str(value)), "%s in %s is %.*s", key, line, SLICE_ARG(s));
}

START_TEST(test_json_field)
{
    field_is("{\"cmd\":\"status\",\"id\":7}", "cmd", "\"status\"");
    field_is("{\"cmd\":\"status\",\"id\":7}", "id", "7");
    field_is(" { \"id\" : {\"cmd\":[1,\"}\\\"\",{}]} , \"cmd\" : true }", "cmd", "true");
    field_is(" { \"id\" : {\"cmd\":[1,\"}\\\"\",{}]} , \"cmd\" : true }", "id", "{\"cmd\":[1,\"}\\\"\",{}]}");
    static const char *const broken[] = {"",
                                         "{",
                                         "{}",
                                         "[\"cmd\"]",
                                         "{\"cmd\"",
                                         "{\"cmd\":",
                                         "{\"cm\":1}",
                                         "{cmd:1}",
                                         "{\"id\":[1,\"cmd\":2",
                                         "{\"id\":\"\\",
                                         "garbage",
                                         "{\"cmd\":{\"a\":1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) field_is(broken[i], "cmd", NULL);
}
END_TEST

START_TEST(test_json_text)
{
    struct bytes b = {0};
    json_put_text(&b, "a \"b\"\\\n\x01");
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data, "\"a \\\"b\\\"\\\\\\u000a\\u0001\"");
    bytes_free(&b);
}
END_TEST

static void nothing(void *arg, struct slice id)
{
    (void)arg;
    (void)id;
}

static void gone(void *arg)
{
    *(bool *)arg = true;
}

/* A supervisor that does not read must not hold the server up; it hears how much it has missed. */
START_TEST(test_control_drops)
{
    enum { LINES = 20000 };
    int fds[2];
    bool is_gone = false;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct loop *l = loop_new();
    struct control *c = control_new(l, fds[0], 1, &(struct control_user){.arg = &is_gone, .status = nothing, .gone = gone});
    for (int i = 0; i < LINES; i++) {
        control_say(c, "line", ",\"n\":%d,\"filler\":\"%050d\"", i, 0);
        control_flush(c);
    }
    static char got[8 << 20];
    size_t len = 0, lines = 0;
    long dropped = 0;
    for (ssize_t n; len < sizeof got - 1 && dropped == 0;) {
        n = recv(fds[1], got + len, sizeof got - 1 - len, MSG_DONTWAIT);
        if (n > 0) len += (size_t)n;
        got[len] = '\0';
        loop_turn(l, false);
        control_flush(c);
        const char *found = strstr(got, "\"fact\":\"dropped\",\"lines\":");
        if (n < 0 && found == NULL) control_say(c, "line", ",\"late\":1");
        if (found != NULL) dropped = atol(found + strlen("\"fact\":\"dropped\",\"lines\":"));
    }
    for (const char *p = got; (p = strstr(p, "\"n\":")) != NULL; p++) lines++;
    ck_assert_int_gt(dropped, 0);
    ck_assert_int_eq((long)lines + dropped, LINES);
    close(fds[1]);
    while (!is_gone) loop_turn(l, true);
    control_free(c);
    loop_free(l);
}
END_TEST

START_TEST(test_pidfile)
{
    char dir[] = "/tmp/check_shell.XXXXXX", byte;
    int tell[2], hold[2];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    char *path = pidfile_path(dir);
    ck_assert_int_eq(pidfile_holder(path), 0);
    ck_assert_int_eq(pipe(tell), 0);
    ck_assert_int_eq(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        close(hold[1]);
        int fd = pidfile_take(path);
        if (fd < 0 || write(tell[1], "x", 1) != 1) _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1); /* as a crash: the file stays */
    }
    close(hold[0]);
    ck_assert_int_eq(read(tell[0], &byte, 1), 1);
    ck_assert_int_eq(pidfile_holder(path), child);
    ck_assert_int_eq(pidfile_take(path), -1);
    close(hold[1]);
    waitpid(child, NULL, 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(pidfile_holder(path), 0);
    int fd = pidfile_take(path);
    ck_assert_int_ge(fd, 0);
    pidfile_drop(path, fd);
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(rmdir(dir), 0);
    free(path);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("shell");
    tcase_add_test(t, test_average);
    tcase_add_test(t, test_whitelist);
    tcase_add_test(t, test_version);
    tcase_add_test(t, test_json_field);
    tcase_add_test(t, test_json_text);
    tcase_add_test(t, test_control_drops);
    tcase_add_test(t, test_pidfile);
    Suite *s = suite_create("shell");
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
