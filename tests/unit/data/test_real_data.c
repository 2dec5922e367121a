/* The published Caltech-101: its counts and class names, and recorded few-shot samples. Needs
 * PROMPT_TEST_DATA.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "prompt/base/str.h"
#include "prompt/data/dataset.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/fewshot.h"
#include "prompt/data/find_files.h"
#include "real_data.h"

static int open_caltech(void **state)
{
    struct dataset *d = NULL;
    if (dataset_open(&d, &(struct dataset_options){.root = real_data_root(), .name = "caltech101"}) != OK) {
        print_error("%s\n", error_message());
        return -1;
    }
    *state = d;
    return 0;
}

static int free_caltech(void **state)
{
    dataset_free(*state);
    return 0;
}

static void test_caltech__has_the_published_counts_and_names(void **state)
{
    struct dataset *d = *state;
    struct item_list list;
    struct str found = {0};
    char digest[17];
    assert_int_equal(d->n_classes, 100);
    assert_int_equal(d->train.n, 4128);
    assert_int_equal(d->val.n, 1649);
    assert_int_equal(d->test.n, 2465);
    assert_int_equal(class_names_digest(digest, d->class_names, d->n_classes), OK);
    assert_string_equal(digest, "04030f9999682bef");
    assert_int_equal(dataset_compare_known(&found, d), OK);
    assert_string_equal(str_text(&found), "");
    str_free(&found);
    assert_int_equal(item_list_subset(&list, &d->test, CLASS_SUBSET_BASE, d->n_classes), OK);
    assert_int_equal(list.n, 1549);
    item_list_free(&list);
    assert_int_equal(item_list_subset(&list, &d->test, CLASS_SUBSET_NEW, d->n_classes), OK);
    assert_int_equal(list.n, 916);
    item_list_free(&list);
}

static void test_caltech__gives_the_recorded_samples(void **state)
{
    struct dataset *d = *state;
    const char *const want[] = {
        "e60a836bd33cbba3b40194ce9efd109f23cb5367a94e7a6e81ef8e16948aa588",
        "62be9f804c23dea92eca1b4ca770bebf05a5fd6f177eed78132a4d9c2b2a0de4",
        "8c465c68bff43c6ec2f1890c86980b5dba7d20c9ea0184e3c5130309a35d63f3",
    };
    assert_int_equal(dataset_find_files(d, &d->test), OK);
    for (uint32_t seed = 1; seed <= 3; seed++) {
        struct item_list train;
        struct item_list val;
        struct str paths = {0};
        char hex[DIGEST_HEX_SIZE];
        assert_int_equal(fewshot_sample(&train, &val, d, 16, seed), OK);
        for (size_t i = 0; i < train.n; i++)
            str_appendf(&paths, "%s%s", i ? "\n" : "", train.items[i].path);
        assert_int_equal(digest_memory(hex, str_text(&paths), paths.len), OK);
        assert_string_equal(hex, want[seed - 1]);
        assert_int_equal(val.n, 400);
        str_free(&paths);
        item_list_free(&train);
        item_list_free(&val);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caltech__has_the_published_counts_and_names),
        cmocka_unit_test(test_caltech__gives_the_recorded_samples),
    };
    if (!real_data_root())
        return real_data_skip("PROMPT_TEST_DATA (data root with caltech-101) is not set");
    return cmocka_run_group_tests_name("real_data", tests, open_caltech, free_caltech);
}
