/* Reports of scenarios, and relations. */
#include <check.h>
#include <stdlib.h>

#include "launcher/assertion.h"
#include "launcher/scenario.h"

START_TEST(a_report_escapes_what_its_format_reserves)
{
    static const struct scenario_test tests[] = {
        {.name = "znode /a = \"<&>\"", .passed = true, .took_us = 1500 * 1000},
        {.name = "#1\nnext", .passed = false, .is = "'\x01'"},
    };
    struct bytes b = {0};
    scenario_tap(&b, tests, 2);
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data,
                     "TAP version 13\n1..2\nok 1 - znode /a = \"<&>\"\nnot ok 2 - \\#1 next\n# it is '\x01'\n");
    bytes_clear(&b);
    scenario_junit(&b, "s", tests, 2);
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                     "  <testsuite name=\"s\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"1.500\">\n"
                     "    <testcase classname=\"s\" name=\"znode /a = &quot;&lt;&amp;&gt;&quot;\" time=\"1.500\"/>\n"
                     "    <testcase classname=\"s\" name=\"#1&#10;next\" time=\"0.000\">\n"
                     "      <failure message=\"it is '?'\"/>\n    </testcase>\n  </testsuite>\n</testsuites>\n");
    bytes_free(&b);
}
END_TEST

START_TEST(relations_hold)
{
    static const struct {
        const char *text;
        bool less, same, more;
    } cases[] = {{"=", false, true, false}, {"==", false, true, false}, {"!=", true, false, true},
                 {"<", true, false, false}, {"<=", true, true, false},  {">", false, false, true},
                 {">=", false, true, true}};
    enum relation r;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert(relation_parse(cases[i].text, &r));
        ck_assert_int_eq(relation_holds(r, 1, 2), cases[i].less);
        ck_assert_int_eq(relation_holds(r, 2, 2), cases[i].same);
        ck_assert_int_eq(relation_holds(r, 3, 2), cases[i].more);
    }
    ck_assert(!relation_parse("=<", &r) && !relation_parse("", &r) && !relation_parse("5", &r));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("launcher scenario");
    TCase *c = tcase_create("scenario");
    tcase_add_test(c, a_report_escapes_what_its_format_reserves);
    tcase_add_test(c, relations_hold);
    suite_add_tcase(s, c);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
