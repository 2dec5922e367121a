/* Resize, crops and normalization. Recorded pixels: Pillow 13.0.0; tests/parity/test_images.py compares live.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_files.h"
#include "prompt/data/transform.h"

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

/* The box of an image as an image of its own. */
static struct image cut(const struct image *in, struct crop box)
{
    struct image out = {malloc((size_t)(box.width * box.height * 3)), box.width, box.height};
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
    assert_int_equal(transform_resize(&out, &in, whole(&in), width, height), OK);
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

static void test_transform__resize_to_the_same_size_changes_nothing(void **state)
{
    (void)state;
    struct image in = noise_image(61, 43, 2);
    struct image out;
    assert_int_equal(transform_resize(&out, &in, whole(&in), 61, 43), OK);
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
    assert_int_equal(transform_resize(&from_box, &in, box, 32, 64), OK);
    assert_int_equal(transform_resize(&from_alone, &alone, whole(&alone), 32, 64), OK);
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
        memset(in.pixels, 255, (size_t)(in.width * in.height * 3)); /* where rounding up would overflow */
        struct image out;
        assert_int_equal(transform_test(&out, &in, 224), OK);
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
    assert_int_equal(transform_test(&out, &in, 224), OK);
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
    assert_int_equal(transform_resize(&resized, &in, whole(&in), 334, 224), OK);
    struct image want = cut(&resized, (struct crop){55, 0, 224, 224});
    assert_int_equal(transform_test(&out, &in, 224), OK);
    expect_same(&out, &want);
    image_free(&in);
    image_free(&resized);
    image_free(&want);
    image_free(&out);
}

/* ---------------------------------------------------------------- training transform */

static void test_transform__random_crops_keep_to_area_and_ratio(void **state)
{
    (void)state;
    double least_area = 1.0;
    double most_area = 0.0;
    for (uint64_t item = 0; item < 2000; item++) {
        struct rng rng;
        rng_init(&rng, 1, RNG_AUGMENT, 0, item);
        struct crop c = transform_random_crop(&rng, 400, 300, 0.08);
        assert_true(c.left >= 0 && c.top >= 0 && c.width > 0 && c.height > 0);
        assert_true(c.left + c.width <= 400 && c.top + c.height <= 300);
        double area = (double)(c.width * c.height) / (400.0 * 300.0);
        double ratio = (double)c.width / (double)c.height;
        assert_true(ratio > 0.74 && ratio < 1.35); /* 3/4 and 4/3 but for rounding to pixels */
        least_area = area < least_area ? area : least_area;
        most_area = area > most_area ? area : most_area;
    }
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
    struct crop high = transform_random_crop(&rng, 1, 500, 0.08);
    assert_int_equal(high.width, 1);
    assert_int_equal(high.height, 1);
    assert_int_equal(high.top, 249);
    struct crop whole_crop = transform_random_crop(&rng, 1, 1, 0.08);
    assert_int_equal(whole_crop.width, 1);
    assert_int_equal(whole_crop.height, 1);
}

static void test_transform__training_flips_half_of_the_images(void **state)
{
    (void)state;
    struct image in = {malloc(2 * 2 * 3), 2, 2}; /* left column dark, right column bright */
    assert_non_null(in.pixels);
    for (int64_t i = 0; i < 12; i++)
        in.pixels[i] = i / 3 % 2 == 0 ? 10 : 200;
    int n_flipped = 0;
    for (uint64_t item = 0; item < 1000; item++) {
        struct rng rng;
        struct image out;
        rng_init(&rng, 2, RNG_AUGMENT, 0, item);
        assert_int_equal(transform_train(&out, &in, 2, 1.0, &rng), OK); /* the crop is the whole image */
        assert_int_equal(out.pixels[0] + out.pixels[3], 210);
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
    const struct image in = {pixels, 2, 1};
    const float want[] = {-0x1.cad1b8p+0F, 0x1.ee2a82p+0F, 0x1.59e6d6p-3F,
                          -0x1.c0897p+0F,  0x1.12accp+1F,  -0x1.617434p+0F}; /* planes: red, green, blue */
    float out[6];
    transform_normalize(out, &in);
    for (size_t i = 0; i < 6; i++)
        assert_true(out[i] == want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transform__resize_makes_pillows_pixels),
        cmocka_unit_test(test_transform__resize_to_the_same_size_changes_nothing),
        cmocka_unit_test(test_transform__resize_ignores_pixels_outside_the_box),
        cmocka_unit_test(test_transform__one_colour_stays_that_colour_at_any_size),
        cmocka_unit_test(test_transform__centre_crop_rounds_halves_to_even),
        cmocka_unit_test(test_transform__test_transform_is_resize_then_crop),
        cmocka_unit_test(test_transform__random_crops_keep_to_area_and_ratio),
        cmocka_unit_test(test_transform__random_crop_falls_back_to_the_centre),
        cmocka_unit_test(test_transform__training_flips_half_of_the_images),
        cmocka_unit_test(test_transform__normalize_is_torchvisions_to_the_bit),
    };
    return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
