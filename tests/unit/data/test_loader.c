/* Batches do not depend on threads, cache and resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader_images.h"
#include "prompt/image/transform.h"

/* ---------------------------------------------------------------- contents of a batch */

static void test_loader__batches_do_not_depend_on_the_number_of_threads(void **state)
{
    struct loader_options options = training();
    char want[DIGEST_HEX_SIZE];
    char got[DIGEST_HEX_SIZE];
    options.n_workers = 1;
    digest_epochs(want, *state, &options, 0, 3, 0);
    for (int64_t n_workers = 2; n_workers <= 9; n_workers += 7) {
        options.n_workers = n_workers;
        digest_epochs(got, *state, &options, 0, 3, 0);
        assert_string_equal(got, want);
    }
}

static void test_loader__the_cache_changes_no_bit(void **state)
{
    struct loader_options options = training();
    char want[DIGEST_HEX_SIZE];
    char got[DIGEST_HEX_SIZE];
    digest_epochs(want, *state, &options, 0, 3, 0);
    options.cache_bytes = 10000; /* a few of the images */
    digest_epochs(got, *state, &options, 0, 3, 0);
    assert_string_equal(got, want);
    options.cache_bytes = 1 << 24;
    digest_epochs(got, *state, &options, 0, 3, 0);
    assert_string_equal(got, want);
}

static void test_loader__seed_and_epoch_make_other_batches(void **state)
{
    struct loader_options options = training();
    char first[DIGEST_HEX_SIZE];
    char other[DIGEST_HEX_SIZE];
    digest_epochs(first, *state, &options, 0, 1, 0);
    digest_epochs(other, *state, &options, 1, 1, 0);
    assert_string_not_equal(other, first);
    options.input.seed = 0;
    digest_epochs(other, *state, &options, 0, 1, 0);
    assert_string_not_equal(other, first);
}

/* The order and the crops, each by itself. */
static void test_loader__every_epoch_has_its_order_and_its_crops(void **state)
{
    for (int only_order = 0; only_order < 2; only_order++) {
        struct loader_options options = training();
        char first[DIGEST_HEX_SIZE];
        char other[DIGEST_HEX_SIZE];
        options.shuffle = only_order;
        options.input.augment = !only_order;
        digest_epochs(first, *state, &options, 0, 1, 0);
        digest_epochs(other, *state, &options, 1, 1, 0);
        assert_string_not_equal(other, first);
    }
}

static void test_loader__cached_images_are_not_read_again(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    options.cache_bytes = 1 << 24;
    struct loader *loader = open_loader(w, &options);
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        struct batch batch = {.n = 1};
        assert_int_equal(loader_start(loader, epoch, 0), OK);
        while (batch.n > 0)
            assert_int_equal(loader_next(&batch, loader), OK);
        for (size_t i = 0; i < N_IMAGES; i++)
            spoil(w, i);
    }
    loader_close(loader);
}

/* Images of 2,400 to 2,700 bytes: three or four are kept, and the others are read again. */
static void test_loader__the_cache_takes_no_more_than_its_bytes(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    options.cache_bytes = 10000;
    options.skip_bad_images = true;
    struct loader *loader = open_loader(w, &options);
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        struct batch batch = {.n = 1};
        assert_int_equal(loader_start(loader, epoch, 0), OK);
        while (batch.n > 0)
            assert_int_equal(loader_next(&batch, loader), OK);
        for (size_t i = 0; i < N_IMAGES; i++)
            spoil(w, i);
    }
    assert_in_range(N_IMAGES - loader_n_skipped(loader), 3, 4);
    loader_close(loader);
}

static void test_loader__a_resumed_epoch_goes_on_as_the_whole_one(void **state)
{
    struct loader_options options = training();
    struct loader *whole = open_loader(*state, &options);
    struct loader *resumed = open_loader(*state, &options);
    struct batch want = {0};
    struct batch got = {0};
    assert_int_equal(loader_start(whole, 5, 0), OK);
    assert_int_equal(loader_start(resumed, 5, 3), OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(loader_next(&want, whole), OK);
    assert_int_equal(want.index, 3);
    for (int i = 3; i < 6; i++) {
        assert_int_equal(loader_next(&got, resumed), OK);
        assert_int_equal(got.index, want.index);
        assert_int_equal(got.n, want.n);
        assert_memory_equal(got.items, want.items, (size_t)want.n * sizeof *want.items);
        assert_memory_equal(got.pixels, want.pixels, (size_t)want.n * FLOATS * sizeof *want.pixels);
        assert_int_equal(loader_next(&want, whole), OK);
    }
    assert_int_equal(want.n, 0);
    loader_close(whole);
    loader_close(resumed);
}

static void test_loader__an_epoch_holds_every_item_once_with_its_label(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    struct loader *loader = open_loader(w, &options);
    int n_seen[N_IMAGES] = {0};
    size_t n_in_place = 0;
    size_t place = 0;
    struct batch batch = {0};
    assert_int_equal(loader_n_batches(loader), 6);
    assert_int_equal(loader_start(loader, 0, 0), OK);
    for (int64_t b = 0; b < 6; b++) {
        assert_int_equal(loader_next(&batch, loader), OK);
        assert_int_equal(batch.index, b);
        assert_int_equal(batch.n, b < 5 ? 4 : 2);
        for (int64_t i = 0; i < batch.n; i++, place++) {
            n_seen[batch.items[i]]++;
            n_in_place += batch.items[i] == place;
            assert_int_equal(batch.labels[i], batch.items[i] % 3);
        }
    }
    for (size_t i = 0; i < N_IMAGES; i++)
        assert_int_equal(n_seen[i], 1);
    assert_true(n_in_place < N_IMAGES / 2); /* it was shuffled */
    loader_close(loader);
}

static void test_loader__without_augmentation_it_gives_the_test_transform_in_order(void **state)
{
    struct images *w = *state;
    const struct loader_options options = {
        .input.preprocess = preprocess_default(PX), .batch_size = 5, .n_workers = 2};
    struct loader *loader = open_loader(w, &options);
    struct batch batch = {.n = 1};
    size_t item = 0;
    assert_int_equal(loader_start(loader, 0, 0), OK);
    while (loader_next(&batch, loader) == OK && batch.n > 0) {
        for (int64_t i = 0; i < batch.n; i++, item++) {
            struct image image = noise_image(20 + (int64_t)item, 40 - (int64_t)item, (uint32_t)item + 1);
            struct image input;
            const struct preprocess preprocess = preprocess_default(PX);
            float want[FLOATS];
            assert_int_equal(transform_test(&input, &image, &preprocess), OK);
            transform_normalize(want, &input, &preprocess);
            assert_int_equal(batch.items[i], item);
            assert_memory_equal(batch.pixels + i * FLOATS, want, sizeof want);
            image_free(&image);
            image_free(&input);
        }
    }
    assert_int_equal(item, N_IMAGES);
    loader_close(loader);
}

static void expect_n_batches(const struct images *w, int64_t batch_size, bool drop_last, int64_t want)
{
    struct loader_options options = training();
    options.batch_size = batch_size;
    options.drop_last = drop_last;
    struct loader *loader = open_loader(w, &options);
    struct batch batch = {.n = 1};
    int64_t n_batches = 0;
    int64_t n_images = 0;
    assert_int_equal(loader_n_batches(loader), want);
    assert_int_equal(loader_start(loader, 0, 0), OK);
    for (; loader_next(&batch, loader) == OK && batch.n > 0; n_batches++)
        n_images += batch.n;
    assert_int_equal(n_batches, want);
    int64_t n_full = want * batch_size;
    assert_int_equal(n_images, n_full < N_IMAGES ? n_full : N_IMAGES);
    loader_close(loader);
}

/* The rows of a batch that several parts make are those of one loader: a share of each batch, or every n-th. */
static void check_parts(struct images *w, int64_t n_parts, bool deals_batches)
{
    struct loader_options options = training();
    options.drop_last = false;
    struct loader *whole = open_loader(w, &options), *parts[3] = {NULL};
    options.n_parts = n_parts;
    options.deals_batches = deals_batches;
    for (options.part = 0; options.part < n_parts; options.part++)
        parts[options.part] = open_loader(w, &options);
    const size_t image_bytes = (size_t)FLOATS * sizeof(float);
    assert_int_equal(loader_start(whole, 1, 1), OK);
    for (int64_t p = 0; p < n_parts; p++)
        assert_int_equal(loader_start(parts[p], 1, 1), OK);
    struct batch batch, part;
    while (loader_next(&batch, whole) == OK && batch.n > 0) {
        int64_t row = 0;
        for (int64_t p = 0; p < n_parts; p++) {
            if (deals_batches && batch.index % n_parts != p)
                continue;
            assert_int_equal(loader_next(&part, parts[p]), OK);
            assert_int_equal(part.index, batch.index);
            assert_int_equal(part.n_whole, batch.n);
            assert_memory_equal(part.items, batch.items + row, (size_t)part.n * sizeof *part.items);
            if (part.n > 0)
                assert_memory_equal(part.pixels, batch.pixels + row * FLOATS, (size_t)part.n * image_bytes);
            row += part.n;
        }
        assert_int_equal(row, batch.n);
    }
    for (int64_t p = 0; p < n_parts; p++) {
        assert_int_equal(loader_next(&part, parts[p]), OK);
        assert_int_equal(part.n_whole, 0);
        loader_close(parts[p]);
    }
    loader_close(whole);
}

static void test_loader__parts_are_those_of_the_whole(void **state)
{
    for (int64_t n_parts = 2; n_parts <= 3; n_parts++) {
        check_parts(*state, n_parts, false);
        check_parts(*state, n_parts, true);
    }
}

static void test_loader__drops_an_incomplete_last_batch_unless_it_is_the_only_one(void **state)
{
    expect_n_batches(*state, 4, false, 6);
    expect_n_batches(*state, 4, true, 5);
    expect_n_batches(*state, 11, true, 2);
    expect_n_batches(*state, 100, true, 1);
    expect_n_batches(*state, 1, true, N_IMAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_loader__batches_do_not_depend_on_the_number_of_threads),
        test(test_loader__the_cache_changes_no_bit),
        test(test_loader__seed_and_epoch_make_other_batches),
        test(test_loader__every_epoch_has_its_order_and_its_crops),
        test(test_loader__cached_images_are_not_read_again),
        test(test_loader__the_cache_takes_no_more_than_its_bytes),
        test(test_loader__a_resumed_epoch_goes_on_as_the_whole_one),
        test(test_loader__an_epoch_holds_every_item_once_with_its_label),
        test(test_loader__without_augmentation_it_gives_the_test_transform_in_order),
        test(test_loader__parts_are_those_of_the_whole),
        test(test_loader__drops_an_incomplete_last_batch_unless_it_is_the_only_one),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
