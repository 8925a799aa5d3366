/* What every Check program of the unit tests needs around its tests. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <check.h>
#include <stdlib.h>

/* Runs a suite (CK_FORK, CK_RUN_CASE and CK_VERBOSITY choose how) and gives the exit code. */
static inline int unit_run(Suite *s)
{
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Adds a case of this name; the caller adds its tests with tcase_add_test(). */
static inline TCase *unit_case(Suite *s, const char *name)
{
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, 120);
    suite_add_tcase(s, c);
    return c;
}

#define ck_slice_eq(s, text)                                                                                           \
    ck_assert_msg(slice_equal(s, slice_str(text)), "\"%.*s\" is not \"%s\"", SLICE_ARG(s), text)

#endif
