/* The loader with bad images, options without sense, and closed at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loader_images.h"
#include "prompt/image/transform.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_loader__stops_at_the_first_bad_image_of_the_order),
        test(test_loader__counts_each_bad_and_each_damaged_image_once),
        test(test_loader__an_epoch_without_a_readable_image_is_an_error),
        test(test_loader__a_resumed_epoch_may_have_no_readable_image_left),
        test(test_loader__starts_and_closes_at_any_moment),
        test(test_loader__measures_how_long_the_model_waits),
        test(test_loader__refuses_options_without_sense),
    };
    return cmocka_run_group_tests_name("loader_failures", tests, NULL, NULL);
}
