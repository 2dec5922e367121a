/* Data sets by name and in groups. */
#include "report_files.h"

#include "prompt/report/targets.h"

static void expect_targets(const char *words, size_t n, const char *first, const char *last)
{
    struct str_list found = {0};
    must(targets_parse(&found, words));
    assert_int_equal(found.n, n);
    assert_string_equal(found.items[0], first);
    assert_string_equal(found.items[n - 1], last);
    str_list_free(&found);
}

static void test_targets__groups_are_those_of_the_paper(void **state)
{
    (void)state;
    expect_targets("main", 11, "imagenet", "ucf101");
    expect_targets("cross", 10, "caltech101", "ucf101");
    expect_targets("domain", 4, "imagenetv2", "imagenet_r");
    expect_targets("all", 15, "imagenet", "imagenet_r");
    expect_targets("dtd,cross", 10, "dtd", "ucf101"); /* each once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets__groups_are_those_of_the_paper),
    };
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
