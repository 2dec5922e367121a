/* Classes found by name among those of a training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/run/class_list.h"

static char FACE[] = "face", CRANE[] = "crane", OTHER[] = "Crane",
            NAMES[] = "[\"crane\", \"face\", \"crane\"]";

static void test_class_list__classes_are_found_by_name(void **state)
{
    (void)state;
    char *names[] = {FACE, CRANE, OTHER, CRANE, CRANE};
    struct class_list list = {.names = names, .n = 5};
    const struct provenance training = {.class_names = NAMES, .n_classes = 3};
    const int64_t want[] = {1, 0, -1, 2, -1};
    assert_int_equal(class_list_match(&list, &training), OK);
    assert_memory_equal(list.texts.trained_rows, want, sizeof want);
    list.n = 1;
    assert_int_equal(class_list_match(&list, &training), OK); /* again: the earlier rows are replaced */
    assert_int_equal(list.texts.trained_rows[0], 1);
    class_list_close(&list);
}

static void test_class_list__names_that_are_not_those_counted(void **state)
{
    (void)state;
    char *names[] = {FACE};
    struct class_list list = {.names = names, .n = 1};
    const struct provenance training = {.class_names = NAMES, .n_classes = 4};
    assert_int_equal(class_list_match(&list, &training), ERR_FORMAT);
    assert_string_equal(error_message(), "metadata 'class_names': expected 4 names, found 3");
    assert_null(list.texts.trained_rows);
    class_list_close(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class_list__classes_are_found_by_name),
        cmocka_unit_test(test_class_list__names_that_are_not_those_counted),
    };
    return cmocka_run_group_tests_name("class_list", tests, NULL, NULL);
}
