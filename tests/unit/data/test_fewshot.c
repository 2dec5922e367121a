/* Few-shot samples, base and new classes, digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>

#include "prompt/base/str.h"
#include "prompt/data/dataset.h"
#include "prompt/data/fewshot.h"

/* ---------------------------------------------------------------- few-shot samples */

/* n images of each class, classes in the order of `labels`; paths "<label>-<number>". */
static void add_images(struct item_list *list, const int64_t *labels, size_t n_labels, int n)
{
    for (size_t c = 0; c < n_labels; c++) {
        for (int i = 0; i < n; i++) {
            char *path = str_format("%" PRId64 "-%d", labels[c], i);
            assert_int_equal(item_list_add(list, path, labels[c]), OK);
            free(path);
        }
    }
}

static void expect_paths(const struct item_list *list, const char *const *want, size_t n)
{
    assert_int_equal(list->n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(list->items[i].path, want[i]);
}

/* A class's place is that of its first image, and one image is enough. */
static void test_fewshot__a_class_of_one_image_has_its_place(void **state)
{
    (void)state;
    struct dataset d = {.n_classes = 3};
    struct item_list train;
    struct item_list val;
    add_images(&d.train, (const int64_t[]){2, 0, 0, 1, 2}, 5, 1);
    assert_int_equal(fewshot_sample(&train, &val, &d, 2, 1), OK);
    expect_paths(&train, (const char *const[]){"2-0", "2-0", "0-0", "0-0", "1-0"}, 5);
    item_list_free(&train);
    item_list_free(&val);
    item_list_free(&d.train);
}

/* random.seed(1); sample of 2 of 5 for labels 2, 0, 1 in train, then for 0, 1, 2 in val: CPython 3.11. */
static void test_fewshot__visits_classes_by_first_appearance_train_before_val(void **state)
{
    (void)state;
    struct dataset d = {.n_classes = 3};
    struct item_list train;
    struct item_list val;
    add_images(&d.train, (const int64_t[]){2, 0, 1}, 3, 5);
    add_images(&d.val, (const int64_t[]){0, 1, 2}, 3, 5);
    assert_int_equal(fewshot_sample(&train, &val, &d, 2, 1), OK);
    expect_paths(&train, (const char *const[]){"2-1", "2-0", "0-2", "0-0", "1-3", "1-4"}, 6);
    expect_paths(&val, (const char *const[]){"0-3", "0-4", "1-1", "1-0", "2-3", "2-0"}, 6);
    item_list_free(&train);
    item_list_free(&val);
    item_list_free(&d.train);
    item_list_free(&d.val);
}

static void test_fewshot__takes_a_small_class_whole_and_draws_nothing_for_it(void **state)
{
    (void)state;
    struct dataset with = {.n_classes = 2};
    struct dataset without = {.n_classes = 2};
    struct item_list train[2];
    struct item_list val[2];
    add_images(&with.train, (const int64_t[]){1}, 1, 3);
    add_images(&with.train, (const int64_t[]){0}, 1, 30);
    add_images(&without.train, (const int64_t[]){0}, 1, 30);
    assert_int_equal(fewshot_sample(&train[0], &val[0], &with, 4, 7), OK);
    assert_int_equal(fewshot_sample(&train[1], &val[1], &without, 4, 7), OK);
    assert_int_equal(train[0].n, 7);
    assert_int_equal(train[1].n, 4);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(train[0].items[i].path, with.train.items[i].path);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(train[0].items[3 + i].path, train[1].items[i].path);
    for (size_t i = 0; i < 2; i++) {
        item_list_free(&train[i]);
        item_list_free(&val[i]);
    }
    item_list_free(&with.train);
    item_list_free(&without.train);
}

static void test_fewshot__val_has_at_most_four_and_zero_shots_take_all(void **state)
{
    (void)state;
    struct dataset d = {.n_classes = 2};
    struct item_list train;
    struct item_list val;
    add_images(&d.train, (const int64_t[]){0, 1}, 2, 9);
    add_images(&d.val, (const int64_t[]){0, 1}, 2, 9);
    assert_int_equal(fewshot_sample(&train, &val, &d, 8, 1), OK);
    assert_int_equal(train.n, 16);
    assert_int_equal(val.n, 8);
    item_list_free(&train);
    item_list_free(&val);
    assert_int_equal(fewshot_sample(&train, &val, &d, 0, 1), OK);
    assert_int_equal(train.n, 18);
    assert_int_equal(val.n, 18);
    assert_string_equal(train.items[9].path, "1-0");
    item_list_free(&train);
    item_list_free(&val);
    assert_int_equal(fewshot_sample(&train, &val, &d, -1, 1), ERR_USAGE);
    item_list_free(&d.train);
    item_list_free(&d.val);
}

/* ---------------------------------------------------------------- subsets, digests */

static void expect_range(enum class_subset subset, int64_t n_classes, int64_t first, int64_t n)
{
    int64_t got_first = -1;
    int64_t got_n = -1;
    class_subset_range(&got_first, &got_n, subset, n_classes);
    assert_int_equal(got_first, first);
    assert_int_equal(got_n, n);
}

static void test_subset__base_takes_the_middle_class_of_an_odd_number(void **state)
{
    (void)state;
    expect_range(CLASS_SUBSET_ALL, 37, 0, 37);
    expect_range(CLASS_SUBSET_BASE, 37, 0, 19);
    expect_range(CLASS_SUBSET_NEW, 37, 19, 18);
    expect_range(CLASS_SUBSET_NEW, 1, 1, 0);
}

static void test_subset__keeps_order_and_relabels_from_zero(void **state)
{
    (void)state;
    struct item_list all = {0};
    struct item_list half;
    add_images(&all, (const int64_t[]){2, 0, 1, 2}, 4, 1);
    assert_int_equal(item_list_subset(&half, &all, CLASS_SUBSET_NEW, 3), OK);
    expect_paths(&half, (const char *const[]){"2-0", "2-0"}, 2);
    assert_int_equal(half.items[0].label, 0);
    item_list_free(&half);
    assert_int_equal(item_list_subset(&half, &all, CLASS_SUBSET_BASE, 3), OK);
    expect_paths(&half, (const char *const[]){"0-0", "1-0"}, 2);
    assert_int_equal(half.items[1].label, 1);
    item_list_free(&half);
    item_list_free(&all);
}

static void test_list__digest_covers_paths_labels_and_order(void **state)
{
    (void)state;
    char hex[DIGEST_HEX_SIZE];
    char want[DIGEST_HEX_SIZE];
    struct item_list list = {0};
    add_images(&list, (const int64_t[]){10, 3}, 2, 1);
    assert_int_equal(item_list_digest(hex, &list), OK);
    assert_int_equal(digest_memory(want, "10-0\t10\n3-0\t3\n", 14), OK);
    assert_string_equal(hex, want);
    item_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fewshot__visits_classes_by_first_appearance_train_before_val),
        cmocka_unit_test(test_fewshot__a_class_of_one_image_has_its_place),
        cmocka_unit_test(test_fewshot__takes_a_small_class_whole_and_draws_nothing_for_it),
        cmocka_unit_test(test_fewshot__val_has_at_most_four_and_zero_shots_take_all),
        cmocka_unit_test(test_subset__base_takes_the_middle_class_of_an_odd_number),
        cmocka_unit_test(test_subset__keeps_order_and_relabels_from_zero),
        cmocka_unit_test(test_list__digest_covers_paths_labels_and_order),
    };
    return cmocka_run_group_tests_name("fewshot", tests, NULL, NULL);
}
