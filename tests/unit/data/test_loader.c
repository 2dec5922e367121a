/* Batches do not depend on threads, cache and resume; bad images; closing at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_files.h"
#include "prompt/base/digest.h"
#include "prompt/data/loader.h"
#include "prompt/image/transform.h"

enum { N_IMAGES = 22, PX = 16, FLOATS = 3 * PX * PX };

/* A folder with N_IMAGES images of different sizes and the list of them, label = number % 3. */
struct images {
    void *folder;
    struct item_list items;
};

static int make_images(void **state)
{
    struct images *w = calloc(1, sizeof *w);
    if (!w || make_folder(&w->folder) != 0)
        return -1;
    for (int64_t i = 0; i < N_IMAGES; i++) {
        struct image image = noise_image(20 + i, 40 - i, (uint32_t)i + 1);
        char *name = str_format("%02d.bmp", (int)i);
        free(write_bmp(w->folder, name, &image));
        if (item_list_add(&w->items, name, i % 3) != OK)
            return -1;
        free(name);
        image_free(&image);
    }
    *state = w;
    return 0;
}

static int remove_images(void **state)
{
    struct images *w = *state;
    item_list_free(&w->items);
    int result = remove_folder(&w->folder);
    free(w);
    return result;
}

/* Overwrites image `i` with a file that is not an image. */
static void spoil(const struct images *w, size_t i)
{
    free(write_file(w->folder, w->items.items[i].path, "no image, but long enough to be looked at", 41));
}

static struct loader_options training(void)
{
    return (struct loader_options){
        .input = {.preprocess = preprocess_default(PX), .augment = true, .crop_scale_min = 0.3, .seed = 1},
        .batch_size = 4,
        .shuffle = true,
        .n_workers = 3};
}

static struct loader *open_loader(const struct images *w, const struct loader_options *options)
{
    struct loader *loader = NULL;
    if (loader_open(&loader, &w->items, w->folder, options) != OK)
        fail_msg("%s", error_message());
    return loader;
}

/* SHA-256 over the contents of epochs first_epoch .. + n_epochs, from `first_batch` on. */
static void digest_epochs(char hex[DIGEST_HEX_SIZE], const struct images *w,
                          const struct loader_options *options, int64_t first_epoch, int64_t n_epochs,
                          int64_t first_batch)
{
    struct loader *loader = open_loader(w, options);
    struct digest *digest = NULL;
    assert_int_equal(digest_open(&digest), OK);
    for (int64_t epoch = first_epoch; epoch < first_epoch + n_epochs; epoch++) {
        struct batch batch = {.n = 1};
        assert_int_equal(loader_start(loader, epoch, first_batch), OK);
        while (loader_next(&batch, loader) == OK && batch.n > 0) {
            digest_update(digest, &batch.index, sizeof batch.index);
            digest_update(digest, batch.pixels, (size_t)batch.n * FLOATS * sizeof *batch.pixels);
            digest_update(digest, batch.labels, (size_t)batch.n * sizeof *batch.labels);
            digest_update(digest, batch.items, (size_t)batch.n * sizeof *batch.items);
        }
        assert_int_equal(batch.n, 0);
    }
    assert_int_equal(digest_close(hex, digest), OK);
    loader_close(loader);
}

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

static void test_loader__drops_an_incomplete_last_batch_unless_it_is_the_only_one(void **state)
{
    expect_n_batches(*state, 4, false, 6);
    expect_n_batches(*state, 4, true, 5);
    expect_n_batches(*state, 11, true, 2);
    expect_n_batches(*state, 100, true, 1);
    expect_n_batches(*state, 1, true, N_IMAGES);
}

/* ---------------------------------------------------------------- bad images */

static void test_loader__stops_at_the_first_bad_image_of_the_order(void **state)
{
    struct images *w = *state;
    struct loader_options options = {
        .input.preprocess = preprocess_default(PX), .batch_size = 4, .n_workers = 4};
    spoil(w, 9);
    spoil(w, 11);
    struct loader *loader = open_loader(w, &options);
    struct batch batch;
    char *want = str_format(
        "cannot decode '%s/09.bmp': no known image format, expected JPEG, PNG, BMP, GIF, PPM, PGM or WebP",
        (char *)w->folder);
    assert_int_equal(loader_start(loader, 0, 0), OK);
    assert_int_equal(loader_next(&batch, loader), OK);
    assert_int_equal(loader_next(&batch, loader), OK);
    for (int i = 0; i < 2; i++) { /* the same on every call */
        error_clear();
        assert_int_equal(loader_next(&batch, loader), ERR_FORMAT);
        assert_string_equal(error_message(), want);
        assert_int_equal(batch.n, 0);
    }
    free(want);
    loader_close(loader);
}

static void test_loader__counts_each_bad_and_each_damaged_image_once(void **state)
{
    struct images *w = *state;
    struct loader_options options = {
        .input.preprocess = preprocess_default(PX), .batch_size = 4, .n_workers = 2, .skip_bad_images = true};
    spoil(w, 2);
    for (size_t i = 4; i < 8; i++) /* all of batch 1 */
        spoil(w, i);
    free(write_damaged(w->folder, "09.bmp"));
    struct loader *loader = open_loader(w, &options);
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        struct batch batch;
        assert_int_equal(loader_start(loader, epoch, 0), OK);
        assert_int_equal(loader_next(&batch, loader), OK);
        assert_int_equal(batch.n, 3);
        const size_t want[] = {0, 1, 3};
        assert_memory_equal(batch.items, want, sizeof want);
        assert_int_equal(batch.labels[2], 0);
        struct image image = noise_image(23, 37, 4);
        struct image input;
        const struct preprocess preprocess = preprocess_default(PX);
        float pixels[FLOATS];
        assert_int_equal(transform_test(&input, &image, &preprocess), OK);
        transform_normalize(pixels, &input, &preprocess);
        assert_memory_equal(batch.pixels + 2 * FLOATS, pixels, sizeof pixels); /* moved up with its label */
        image_free(&image);
        image_free(&input);
        assert_int_equal(loader_next(&batch, loader), OK);
        assert_int_equal(batch.index, 2);
        while (batch.n > 0)
            assert_int_equal(loader_next(&batch, loader), OK);
        assert_int_equal(loader_n_skipped(loader), 5);
        assert_non_null(strstr(loader_first_skipped(loader), "/02.bmp'"));
        assert_int_equal(loader_n_damaged(loader), 1);
        assert_non_null(strstr(loader_first_damaged(loader), "/09.bmp': the end of a PNG file is missing"));
    }
    loader_close(loader);
}

static void test_loader__an_epoch_without_a_readable_image_is_an_error(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    options.skip_bad_images = true;
    for (size_t i = 0; i < N_IMAGES; i++)
        spoil(w, i);
    struct loader *loader = open_loader(w, &options);
    struct batch batch;
    assert_int_equal(loader_start(loader, 0, 0), OK);
    assert_int_equal(loader_next(&batch, loader), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "none of 22 images can be read; the first: cannot decode"));
    loader_close(loader);
}

/* The images before the resume were there. */
static void test_loader__a_resumed_epoch_may_have_no_readable_image_left(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    options.shuffle = false;
    options.skip_bad_images = true;
    for (size_t i = 20; i < N_IMAGES; i++)
        spoil(w, i);
    struct loader *loader = open_loader(w, &options);
    struct batch batch;
    assert_int_equal(loader_start(loader, 0, 5), OK);
    assert_int_equal(loader_next(&batch, loader), OK);
    assert_int_equal(batch.n, 0);
    assert_int_equal(loader_n_skipped(loader), 2);
    loader_close(loader);
}

/* ---------------------------------------------------------------- start, close, options */

static void test_loader__starts_and_closes_at_any_moment(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    char want[DIGEST_HEX_SIZE];
    char got[DIGEST_HEX_SIZE];
    for (int n_taken = -1; n_taken < 6; n_taken++) { /* -1: never started */
        struct loader *loader = open_loader(w, &options);
        struct batch batch;
        for (int64_t epoch = 0; n_taken >= 0 && epoch < 3; epoch++) {
            assert_int_equal(loader_start(loader, epoch, 0), OK);
            for (int i = 0; i < n_taken; i++)
                assert_int_equal(loader_next(&batch, loader), OK);
        }
        loader_close(loader);
    }
    /* an epoch begun in the middle of another is whole */
    digest_epochs(want, w, &options, 1, 1, 0);
    struct loader *loader = open_loader(w, &options);
    struct digest *digest = NULL;
    struct batch batch = {.n = 1};
    assert_int_equal(loader_start(loader, 0, 0), OK);
    assert_int_equal(loader_next(&batch, loader), OK);
    assert_int_equal(loader_start(loader, 1, 0), OK);
    assert_int_equal(digest_open(&digest), OK);
    while (loader_next(&batch, loader) == OK && batch.n > 0) {
        digest_update(digest, &batch.index, sizeof batch.index);
        digest_update(digest, batch.pixels, (size_t)batch.n * FLOATS * sizeof *batch.pixels);
        digest_update(digest, batch.labels, (size_t)batch.n * sizeof *batch.labels);
        digest_update(digest, batch.items, (size_t)batch.n * sizeof *batch.items);
    }
    assert_int_equal(digest_close(got, digest), OK);
    assert_string_equal(got, want);
    loader_close(loader);
    loader_close(NULL);
}

static void test_loader__measures_how_long_the_model_waits(void **state)
{
    struct loader_options options = training();
    struct loader *loader = open_loader(*state, &options);
    struct batch batch;
    assert_int_equal(loader_start(loader, 0, 0), OK);
    assert_int_equal(loader_next(&batch, loader), OK);
    assert_true(batch.wait_s >= 0.0 && batch.wait_s < 60.0);
    loader_close(loader);
}

static void expect_refused_options(const struct images *w, const struct loader_options *options)
{
    struct loader *loader = NULL;
    assert_int_equal(loader_open(&loader, &w->items, w->folder, options), ERR_USAGE);
    assert_null(loader);
}

static void test_loader__refuses_options_without_sense(void **state)
{
    struct images *w = *state;
    struct loader_options options = training();
    struct images nothing = {w->folder, {0}};
    struct loader *l = NULL;
    assert_int_equal(loader_open(&l, &nothing.items, nothing.folder, &options), ERR_FORMAT);
    assert_null(l);
    assert_string_equal(error_message(), "the caller's list of images is empty, there is nothing to load");
    options.batch_size = 0;
    expect_refused_options(w, &options);
    options = training();
    options.n_workers = 0;
    expect_refused_options(w, &options);
    options = training();
    options.input.preprocess.image_px = 0;
    expect_refused_options(w, &options);
    options = training();
    options.input.crop_scale_min = 1.5;
    expect_refused_options(w, &options);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_images, remove_images)

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
        test(test_loader__drops_an_incomplete_last_batch_unless_it_is_the_only_one),
        test(test_loader__stops_at_the_first_bad_image_of_the_order),
        test(test_loader__counts_each_bad_and_each_damaged_image_once),
        test(test_loader__an_epoch_without_a_readable_image_is_an_error),
        test(test_loader__a_resumed_epoch_may_have_no_readable_image_left),
        test(test_loader__starts_and_closes_at_any_moment),
        test(test_loader__measures_how_long_the_model_waits),
        test(test_loader__refuses_options_without_sense),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
