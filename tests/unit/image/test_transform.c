/* Resize, crops and normalization, against pixels of Pillow 13.0.0 (tests/parity/test_images.py: live). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_files.h"
#include "prompt/image/transform.h"

/* OpenAI's preprocessing, which tests change in fill or filter. */
static struct preprocess openai;
static struct preprocess two;

static struct crop whole(const struct image *image)
{
    return (struct crop){0, 0, image->width, image->height};
}

static void expect_same(const struct image *got, const struct image *want)
{
    assert_int_equal(got->width, want->width);
    assert_int_equal(got->height, want->height);
    assert_memory_equal(got->pixels, want->pixels, (size_t)(want->width * want->height * 3));
}

/* The box of an image as a separate image. */
static struct image cut(const struct image *in, struct crop box)
{
    struct image out = {
        .pixels = malloc((size_t)(box.width * box.height * 3)), .width = box.width, .height = box.height};
    assert_non_null(out.pixels);
    for (int64_t y = 0; y < box.height; y++)
        memcpy(out.pixels + y * box.width * 3, in->pixels + ((box.top + y) * in->width + box.left) * 3,
               (size_t)box.width * 3);
    return out;
}

/* ---------------------------------------------------------------- resize */

static void expect_resized(int64_t width, int64_t height, const uint8_t *want)
{
    struct image in = noise_image(7, 5, 1);
    struct image out;
    assert_int_equal(transform_resize(&out, &in, whole(&in), width, height, INTERPOLATION_BICUBIC), OK);
    for (int64_t i = 0; i < width * height * 3; i++)
        assert_int_equal(out.pixels[i], want[i]);
    image_free(&in);
    image_free(&out);
}

static void test_transform__resize_makes_pillows_pixels(void **state)
{
    (void)state;
    expect_resized(4, 3, (const uint8_t[]){137, 81,  147, 153, 179, 163, 136, 56,  202, 142, 104, 124,
                                           112, 81,  64,  176, 111, 152, 91,  158, 157, 137, 117, 121,
                                           89,  177, 59,  202, 159, 86,  177, 124, 130, 100, 139, 129});
    expect_resized(9, 3,
                   (const uint8_t[]){168, 72,  100, 120, 73,  181, 126, 148, 163, 169, 215, 121, 164, 143,
                                     231, 113, 36,  197, 142, 34,  184, 159, 90,  146, 120, 154, 80,  80,
                                     75,  55,  122, 92,  67,  175, 82,  104, 192, 92,  158, 140, 187, 207,
                                     69,  134, 125, 90,  156, 150, 137, 146, 151, 154, 69,  77,  34,  255,
                                     117, 115, 130, 34,  177, 122, 30,  202, 194, 99,  224, 148, 172, 174,
                                     137, 67,  144, 94,  163, 113, 111, 186, 77,  196, 44});
    expect_resized(3, 8, (const uint8_t[]){172, 137, 174, 212, 153, 193, 90,  83,  164, 140, 116, 148,
                                           150, 127, 187, 139, 79,  147, 104, 83,  108, 76,  98,  178,
                                           189, 82,  123, 141, 57,  89,  111, 115, 179, 123, 116, 115,
                                           149, 83,  76,  160, 156, 160, 88,  146, 129, 123, 154, 66,
                                           204, 201, 122, 102, 162, 158, 116, 173, 59,  200, 144, 113,
                                           120, 127, 131, 114, 176, 55,  189, 94,  112, 132, 98,  107});
}

static void expect_filtered(enum interpolation interpolation, const uint8_t *want)
{
    struct image in = noise_image(7, 5, 1);
    struct image out;
    assert_int_equal(transform_resize(&out, &in, whole(&in), 4, 3, interpolation), OK);
    assert_memory_equal(out.pixels, want, 36);
    image_free(&in);
    image_free(&out);
}

static void test_transform__every_filter_is_pillows(void **state)
{
    (void)state;
    expect_filtered(INTERPOLATION_BILINEAR,
                    (const uint8_t[]){138, 89,  146, 155, 171, 159, 136, 65,  194, 140, 106, 130,
                                      116, 88,  75,  173, 113, 145, 100, 147, 154, 133, 120, 123,
                                      96,  174, 65,  190, 158, 90,  171, 123, 125, 109, 138, 128});
    expect_filtered(INTERPOLATION_LANCZOS,
                    (const uint8_t[]){137, 77,  146, 147, 184, 165, 138, 47,  208, 143, 100, 118,
                                      111, 75,  56,  178, 109, 156, 84,  168, 159, 140, 116, 120,
                                      86,  179, 56,  213, 158, 79,  182, 126, 141, 92,  139, 128});
    expect_filtered(INTERPOLATION_BOX,
                    (const uint8_t[]){131, 80,  147, 156, 175, 170, 105, 24,  174, 153, 105, 131,
                                      130, 74,  73,  185, 103, 174, 26,  118, 142, 119, 124, 108,
                                      96,  164, 57,  208, 175, 129, 156, 140, 57,  108, 136, 147});
    expect_filtered(INTERPOLATION_HAMMING,
                    (const uint8_t[]){141, 85,  148, 167, 190, 143, 131, 57,  195, 133, 115, 125,
                                      115, 81,  70,  186, 90,  145, 80,  142, 150, 132, 113, 113,
                                      89,  178, 70,  189, 170, 88,  171, 120, 105, 106, 140, 121});
}

static void test_transform__resize_to_the_same_size_changes_nothing(void **state)
{
    (void)state;
    struct image in = noise_image(61, 43, 2);
    struct image out;
    assert_int_equal(transform_resize(&out, &in, whole(&in), 61, 43, INTERPOLATION_BICUBIC), OK);
    expect_same(&out, &in);
    image_free(&in);
    image_free(&out);
}

static void test_transform__resize_ignores_pixels_outside_the_box(void **state)
{
    (void)state;
    struct image in = noise_image(90, 70, 3);
    struct crop box = {11, 7, 50, 40};
    struct image alone = cut(&in, box);
    struct image from_box;
    struct image from_alone;
    assert_int_equal(transform_resize(&from_box, &in, box, 32, 64, INTERPOLATION_BICUBIC), OK);
    assert_int_equal(transform_resize(&from_alone, &alone, whole(&alone), 32, 64, INTERPOLATION_BICUBIC), OK);
    expect_same(&from_box, &from_alone);
    image_free(&in);
    image_free(&alone);
    image_free(&from_box);
    image_free(&from_alone);
}

static void test_transform__one_colour_stays_that_colour_at_any_size(void **state)
{
    (void)state;
    const int64_t sides[][2] = {{1, 1}, {1, 500}, {3000, 20}, {2, 3}, {1023, 511}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        struct image in = noise_image(sides[i][0], sides[i][1], 4);
        memset(in.pixels, 255, (size_t)(in.width * in.height * 3)); /* rounding up would overflow here */
        struct image out;
        assert_int_equal(transform_test(&out, &in, &openai), OK);
        assert_int_equal(out.width, 224);
        assert_int_equal(out.height, 224);
        for (int64_t p = 0; p < 224 * 224 * 3; p++)
            assert_int_equal(out.pixels[p], 255);
        image_free(&in);
        image_free(&out);
    }
}

/* ---------------------------------------------------------------- test transform */

static void expect_centre(int64_t width, int64_t height, int64_t left, int64_t top)
{
    struct image in = noise_image(width, height, 5);
    struct image want = cut(&in, (struct crop){left, top, 224, 224});
    struct image out;
    assert_int_equal(transform_test(&out, &in, &openai), OK);
    expect_same(&out, &want);
    image_free(&in);
    image_free(&want);
    image_free(&out);
}

static void test_transform__centre_crop_rounds_halves_to_even(void **state)
{
    (void)state;
    expect_centre(224, 224, 0, 0);
    expect_centre(225, 224, 0, 0); /* 0.5 to 0 */
    expect_centre(226, 224, 1, 0);
    expect_centre(227, 224, 2, 0); /* 1.5 to 2 */
    expect_centre(224, 225, 0, 0);
    expect_centre(224, 227, 0, 2);
}

static void test_transform__test_transform_is_resize_then_crop(void **state)
{
    (void)state;
    struct image in = noise_image(100, 67, 6); /* longer side: int(224 * 100 / 67) = int(334.3) */
    struct image resized;
    struct image out;
    assert_int_equal(transform_resize(&resized, &in, whole(&in), 334, 224, INTERPOLATION_BICUBIC), OK);
    struct image want = cut(&resized, (struct crop){55, 0, 224, 224});
    assert_int_equal(transform_test(&out, &in, &openai), OK);
    expect_same(&out, &want);
    image_free(&in);
    image_free(&resized);
    image_free(&want);
    image_free(&out);
}

/* The resize of a 100 x 67 picture to 224 x 150, and the position of its parts. */
static void test_transform__longest_is_filled_and_squash_is_not_cropped(void **state)
{
    (void)state;
    struct image in = noise_image(100, 67, 6);
    struct image resized;
    struct image out;
    struct preprocess p = preprocess_default(224);
    p.resize_mode = RESIZE_LONGEST; /* shorter side: round(67 / (100 / 224)) = round(150.08) */
    p.fill[0] = 1;
    p.fill[2] = 255;
    assert_int_equal(transform_test(&out, &in, &p), OK);
    assert_int_equal(transform_resize(&resized, &in, whole(&in), 224, 150, INTERPOLATION_BICUBIC), OK);
    struct image middle = cut(&out, (struct crop){0, 37, 224, 150});
    expect_same(&middle, &resized);
    const int64_t rows[] = {0, 36, 187, 223};
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *row = out.pixels + rows[i] * 224 * 3;
        assert_true(row[0] == 1 && row[1] == 0 && row[2] == 255 && row[223 * 3 + 2] == 255);
    }
    image_free(&out);
    image_free(&resized);
    image_free(&middle);

    p.resize_mode = RESIZE_SQUASH;
    p.interpolation = INTERPOLATION_BILINEAR;
    assert_int_equal(transform_test(&out, &in, &p), OK);
    assert_int_equal(transform_resize(&resized, &in, whole(&in), 224, 224, INTERPOLATION_BILINEAR), OK);
    expect_same(&out, &resized);
    image_free(&out);
    image_free(&resized);

    p.resize_mode = RESIZE_SHORTEST; /* Hugging Face's size 256 with crop_size 224 */
    p.resize_px = 256;
    assert_int_equal(transform_test(&out, &in, &p), OK);
    assert_int_equal(transform_resize(&resized, &in, whole(&in), 382, 256, INTERPOLATION_BILINEAR), OK);
    struct image centre = cut(&resized, (struct crop){79, 16, 224, 224});
    expect_same(&out, &centre);
    image_free(&centre);
    image_free(&in);
    image_free(&out);
    image_free(&resized);
}

/* ---------------------------------------------------------------- training transform */

static void test_transform__random_crops_keep_to_area_and_ratio(void **state)
{
    (void)state;
    double least_area = 1.0;
    double most_area = 0.0;
    int64_t most_left = 0;
    int64_t most_top = 0;
    for (uint64_t item = 0; item < 2000; item++) {
        struct rng rng;
        rng_init(&rng, 1, RNG_AUGMENT, 0, item);
        struct crop c = transform_random_crop(&rng, 400, 300, 0.08);
        assert_true(c.left >= 0 && c.top >= 0 && c.width > 0 && c.height > 0);
        assert_true(c.left + c.width <= 400 && c.top + c.height <= 300);
        double area = (double)(c.width * c.height) / (400.0 * 300.0);
        double ratio = (double)c.width / (double)c.height;
        assert_true(ratio > 0.74 && ratio < 1.35); /* 3/4 and 4/3 up to rounding to pixels */
        least_area = area < least_area ? area : least_area;
        most_area = area > most_area ? area : most_area;
        most_left = c.left > most_left ? c.left : most_left;
        most_top = c.top > most_top ? c.top : most_top;
    }
    assert_in_range(most_left, 250, 320); /* the smallest crops are 85 to 113 pixels wide, or high */
    assert_in_range(most_top, 180, 220);
    assert_true(least_area > 0.078 && least_area < 0.09);
    assert_true(most_area > 0.9 && most_area <= 1.0);
}

static void test_transform__random_crop_falls_back_to_the_centre(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1, RNG_AUGMENT, 0, 0);
    struct crop wide = transform_random_crop(&rng, 1000, 9, 0.99); /* every try is higher than 9 */
    assert_int_equal(wide.width, 12);
    assert_int_equal(wide.height, 9);
    assert_int_equal(wide.left, 494);
    assert_int_equal(wide.top, 0);
    struct crop tall = transform_random_crop(&rng, 9, 1000, 0.99); /* every try is wider than 9 */
    assert_int_equal(tall.width, 9);
    assert_int_equal(tall.height, 12);
    assert_int_equal(tall.left, 0);
    assert_int_equal(tall.top, 494);
    struct crop high = transform_random_crop(&rng, 1, 500, 0.08);
    assert_int_equal(high.width, 1);
    assert_int_equal(high.height, 1);
    assert_int_equal(high.top, 249);
    struct crop whole_crop = transform_random_crop(&rng, 1, 1, 0.08);
    assert_int_equal(whole_crop.width, 1);
    assert_int_equal(whole_crop.height, 1);
}

/* The draws of a crop are a contract: what is drawn next depends on them. */
static void test_transform__random_crop_tries_ten_times(void **state)
{
    (void)state;
    struct rng rng, same;
    rng_init(&rng, 1, RNG_AUGMENT, 0, 5);
    same = rng;
    (void)transform_random_crop(&rng, 1000, 9, 0.99);
    for (int i = 0; i < 10 * 2; i++) /* area and ratio */
        (void)rng_uniform(&same);
    assert_int_equal(rng_u32(&rng), rng_u32(&same));
}

static void test_transform__training_takes_the_models_filter(void **state)
{
    (void)state;
    struct image in = noise_image(60, 50, 7);
    struct preprocess p = preprocess_default(32);
    p.interpolation = INTERPOLATION_BOX;
    for (uint64_t item = 0; item < 4; item++) {
        struct rng rng, same;
        struct image out, want;
        rng_init(&rng, 2, RNG_AUGMENT, 0, item);
        same = rng;
        assert_int_equal(transform_train(&out, &in, &p, 0.08, &rng), OK);
        const struct crop box = transform_random_crop(&same, 60, 50, 0.08);
        assert_int_equal(transform_resize(&want, &in, box, 32, 32, INTERPOLATION_BOX), OK);
        if (rng_uniform(&same) >= 0.5) /* not flipped */
            expect_same(&out, &want);
        image_free(&out);
        image_free(&want);
    }
    image_free(&in);
}

static void test_transform__training_flips_half_of_the_images(void **state)
{
    (void)state;
    struct image in = {
        .pixels = malloc(2 * 2 * 3), .width = 2, .height = 2}; /* left column dark, right column bright */
    assert_non_null(in.pixels);
    for (int64_t i = 0; i < 12; i++)
        in.pixels[i] = i / 3 % 2 == 0 ? 10 : 200;
    int n_flipped = 0;
    for (uint64_t item = 0; item < 1000; item++) {
        struct rng rng, same;
        struct image out;
        rng_init(&rng, 2, RNG_AUGMENT, 0, item);
        same = rng;
        assert_int_equal(transform_train(&out, &in, &two, 1.0, &rng), OK); /* the crop is the whole image */
        assert_int_equal(out.pixels[0] + out.pixels[3], 210);
        (void)transform_random_crop(&same, 2, 2, 1.0);
        assert_int_equal(out.pixels[0] == 200, rng_uniform(&same) < 0.5);
        n_flipped += out.pixels[0] == 200;
        image_free(&out);
    }
    assert_true(abs(n_flipped - 500) < 95); /* 6 standard deviations */
    image_free(&in);
}

static void test_transform__normalize_is_torchvisions_to_the_bit(void **state)
{
    (void)state;
    uint8_t pixels[] = {0, 128, 255, 255, 0, 7};
    const struct image in = {.pixels = pixels, .width = 2, .height = 1};
    const float want[] = {-0x1.cad1b8p+0F, 0x1.ee2a82p+0F, 0x1.59e6d6p-3F,
                          -0x1.c0897p+0F,  0x1.12accp+1F,  -0x1.617434p+0F}; /* planes: red, green, blue */
    float out[6];
    transform_normalize(out, &in, &openai);
    for (size_t i = 0; i < 6; i++)
        assert_true(out[i] == want[i]);

    struct preprocess p = preprocess_default(224); /* do_rescale false, do_normalize false */
    p.scale = 1.0;
    for (int c = 0; c < 3; c++) {
        p.mean[c] = 0.0;
        p.std[c] = 1.0;
    }
    transform_normalize(out, &in, &p);
    const float levels[] = {0, 255, 128, 0, 255, 7};
    for (size_t i = 0; i < 6; i++)
        assert_true(out[i] == levels[i]);
}

/* ---------------------------------------------------------------- preprocessing as a value */

static void test_preprocess__its_line_has_what_differs(void **state)
{
    (void)state;
    struct preprocess p = preprocess_default(336), other = preprocess_default(224);
    struct str line = {0};
    char a[DIGEST_HEX_SIZE], b[DIGEST_HEX_SIZE];
    preprocess_describe(&line, &p);
    assert_string_equal(str_text(&line), "shortest, bicubic, mean 0.48145466 0.4578275 0.40821073, "
                                         "std 0.26862954 0.26130258 0.27577711");
    assert_int_equal(preprocess_digest(a, &p), OK);
    assert_int_equal(preprocess_digest(b, &other), OK);
    assert_string_equal(a, b); /* the side belongs to the weights */
    assert_string_equal(
        a, "01dc26beddee73ed2776d656e36bde44d5684073294bd9cd4941a5f8ddb6cd46"); /* as in records */
    assert_int_equal(preprocess_parse_channels(p.mean, "0.5", ERR_USAGE), OK);
    assert_int_equal(preprocess_parse_channels(p.std, "0.5, 0.25,1", ERR_USAGE), OK);
    p.resize_mode = RESIZE_LONGEST;
    p.resize_px = 400;
    p.fill[1] = 7;
    p.scale = 1.0;
    str_clear(&line);
    preprocess_describe(&line, &p);
    assert_string_equal(str_text(&line), "longest to 400 px, crop of 336 px, bicubic, mean 0.5 0.5 0.5, "
                                         "std 0.5 0.25 1, fill 0 7 0, scale 1");
    str_free(&line);
}

static void test_preprocess__words_that_are_no_values_are_refused(void **state)
{
    (void)state;
    double values[3];
    const char *const bad[] = {"", "1,2", "1,2,3,4", "x", "1,2,inf", "1;2;3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(preprocess_parse_channels(values, bad[i], ERR_USAGE), ERR_USAGE);
    enum interpolation interpolation;
    assert_int_equal(preprocess_parse_interpolation(&interpolation, "nearest", ERR_FORMAT), ERR_FORMAT);
    assert_string_equal(error_message(),
                        "expected one of bicubic, bilinear, lanczos, box, hamming, found \"nearest\"");
    struct preprocess p = preprocess_default(224);
    p.std[2] = 0.0;
    assert_int_equal(preprocess_check(&p), ERR_FORMAT);
}

int main(void)
{
    openai = preprocess_default(224);
    two = preprocess_default(2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transform__every_filter_is_pillows),
        cmocka_unit_test(test_transform__longest_is_filled_and_squash_is_not_cropped),
        cmocka_unit_test(test_transform__training_takes_the_models_filter),
        cmocka_unit_test(test_preprocess__its_line_has_what_differs),
        cmocka_unit_test(test_preprocess__words_that_are_no_values_are_refused),
        cmocka_unit_test(test_transform__resize_makes_pillows_pixels),
        cmocka_unit_test(test_transform__resize_to_the_same_size_changes_nothing),
        cmocka_unit_test(test_transform__resize_ignores_pixels_outside_the_box),
        cmocka_unit_test(test_transform__one_colour_stays_that_colour_at_any_size),
        cmocka_unit_test(test_transform__centre_crop_rounds_halves_to_even),
        cmocka_unit_test(test_transform__test_transform_is_resize_then_crop),
        cmocka_unit_test(test_transform__random_crops_keep_to_area_and_ratio),
        cmocka_unit_test(test_transform__random_crop_falls_back_to_the_centre),
        cmocka_unit_test(test_transform__random_crop_tries_ten_times),
        cmocka_unit_test(test_transform__training_flips_half_of_the_images),
        cmocka_unit_test(test_transform__normalize_is_torchvisions_to_the_bit),
    };
    return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
