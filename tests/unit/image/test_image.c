/* Decoding: pixels and refusals. tests/parity/test_images.py compares every format with Pillow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>

#include "image_check.h"
#include "prompt/base/path.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image_write.h>

static void test_image__keeps_every_pixel_of_a_lossless_file(void **state)
{
    struct image image = noise_image(13, 7, 1);
    char *path = write_bmp(*state, "named.jpg", &image); /* the first bytes count, not the name */
    expect_pixels(path, image.pixels, 13, 7);
    free(path);
    image_free(&image);
}

static void test_image__drops_alpha_without_blending(void **state)
{
    const uint8_t rgba[] = {10, 20, 30, 0, 40, 50, 60, 128};
    struct bytes png = {.n = 0};
    assert_true(stbi_write_png_to_func(append_int, &png, 2, 1, 4, rgba, 0));
    char *path = write_file(*state, "rgba.png", png.data, png.n);
    expect_pixels(path, (const uint8_t[]){10, 20, 30, 40, 50, 60}, 2, 1);
    free(path);
}

static void test_image__replicates_grey(void **state)
{
    const uint8_t grey_alpha[] = {10, 0, 200, 255};
    struct bytes png = {.n = 0};
    assert_true(stbi_write_png_to_func(append_int, &png, 2, 1, 2, grey_alpha, 0));
    char *path = write_file(*state, "grey.png", png.data, png.n);
    expect_pixels(path, (const uint8_t[]){10, 10, 10, 200, 200, 200}, 2, 1);
    free(path);
}

/* ---------------------------------------------------------------- PNG */

/* Two pixels of 16-bit grey, 200 and 300: Pillow 13.0.0, which clips them to 255 when it makes them RGB. */
static const uint8_t wide_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x10, 0x00, 0x00, 0x00,
    0x00, 0x81, 0xd9, 0xfc, 0x15, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78,
    0x9c, 0x63, 0x60, 0x38, 0xc1, 0xa8, 0x03, 0x00, 0x02, 0x8b, 0x00, 0xf6, 0x11, 0x86,
    0x7b, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

static void test_image__clips_grey_of_16_bits(void **state)
{
    (void)state;
    expect_decoded(wide_png, sizeof wide_png, (const uint8_t[]){200, 200, 200, 255, 255, 255}, 2, 1);
}

static struct bytes noise_png(struct image *image)
{
    *image = noise_image(19, 8, 3);
    struct bytes png = {.n = 0};
    assert_true(stbi_write_png_to_func(append_int, &png, 19, 8, 3, image->pixels, 0));
    assert_true(png.n < sizeof png.data);
    return png;
}

/* Every flipped bit before the end chunk is noticed: stb_image missed ten of twelve. */
static void test_image__notices_every_flipped_bit_of_a_png(void **state)
{
    (void)state;
    struct image image;
    struct bytes png = noise_png(&image);
    for (size_t i = 0; i + 12 < png.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            png.data[i] = (uint8_t)(png.data[i] ^ (1U << bit));
            struct image out;
            const int status = image_decode(&out, png.data, png.n);
            if (status == OK && memcmp(out.pixels, image.pixels, (size_t)19 * 8 * 3) != 0)
                fail_msg("bit %u of byte %zu changes pixels without a word", bit, i);
            if (status == OK && !out.damage)
                fail_msg("bit %u of byte %zu is not noticed", bit, i);
            image_free(&out);
            png.data[i] = (uint8_t)(png.data[i] ^ (1U << bit));
        }
    image_free(&image);
}

static void test_image__names_the_damaged_chunk_of_a_png(void **state)
{
    struct image image;
    struct bytes png = noise_png(&image);
    png.data[20]++;
    expect_refused(*state, png.data, png.n,
                   "damaged PNG: the check sum of its chunk IHDR at byte 8 is wrong");
    png.data[20]--;
    png.data[60]++;
    expect_undecodable(png.data, png.n, "damaged PNG: the check sum of its chunk IDAT at byte 33 is wrong");
    image_free(&image);
}

/* The end chunk, and the check sums before it, hold no pixels. */
static void test_image__keeps_a_png_that_lacks_no_pixel(void **state)
{
    (void)state;
    struct image image;
    struct bytes png = noise_png(&image);
    for (size_t n_lost = 1; n_lost < png.n; n_lost++) {
        struct image out;
        if (n_lost > 20) {
            assert_int_equal(image_decode(&out, png.data, png.n - n_lost), ERR_FORMAT);
            continue;
        }
        out = decode(png.data, png.n - n_lost);
        assert_memory_equal(out.pixels, image.pixels, (size_t)19 * 8 * 3);
        assert_string_equal(out.damage, "the end of a PNG file is missing");
        image_free(&out);
    }
    image_free(&image);
}

/* ---------------------------------------------------------------- BMP, GIF, PPM, WebP */

/* A BMP of 3 x 2 pixels and 8 bits, of a palette whose colour i is (i, 2 i, 3 i). */
static struct bytes small_bmp(int height, unsigned compression, const void *data, size_t n)
{
    struct bytes file = {.n = 0};
    const uint8_t header[54] = {'B',
                                'M',
                                [10] = 54 + 64,
                                [14] = 40,
                                [18] = 3,
                                [22] = (uint8_t)height,
                                [26] = 1,
                                [28] = compression == 2 ? 4 : 8,
                                [30] = (uint8_t)compression,
                                [46] = 16};
    append(&file, header, sizeof header);
    memset(file.data + 23, height < 0 ? 0xff : 0, 3);
    for (int i = 0; i < 16; i++)
        append(&file, (const uint8_t[]){(uint8_t)(3 * i), (uint8_t)(2 * i), (uint8_t)i, 0}, 4);
    append(&file, data, n);
    return file;
}

static void expect_bmp(struct bytes file, const uint8_t *indices)
{
    uint8_t want[18];
    for (size_t i = 0; i < sizeof want; i++)
        want[i] = (uint8_t)(indices[i / 3] * (i % 3 + 1));
    expect_decoded(file.data, file.n, want, 3, 2);
}

static void test_image__reads_bmp_from_the_top_and_of_run_lengths(void **state)
{
    (void)state;
    const uint8_t rows[] = {1, 2, 3, 0, 4, 5, 6, 0};
    expect_bmp(small_bmp(2, 0, rows, sizeof rows), (const uint8_t[]){4, 5, 6, 1, 2, 3});
    expect_bmp(small_bmp(-2, 0, rows, sizeof rows), (const uint8_t[]){1, 2, 3, 4, 5, 6});
    /* a run of 2, the end of the row, 3 literal pixels */
    const uint8_t runs[] = {2, 7, 0, 0, 0, 3, 8, 9, 10, 0, 0, 1};
    expect_bmp(small_bmp(2, 1, runs, sizeof runs), (const uint8_t[]){8, 9, 10, 7, 7, 0});
    /* a run of 3 of alternating halves of a byte, a step of 1 to the right, 2 more */
    const uint8_t halves[] = {3, 0x12, 0, 2, 1, 0, 2, 0x34, 0, 1};
    expect_bmp(small_bmp(2, 2, halves, sizeof halves), (const uint8_t[]){0, 3, 4, 1, 2, 1});
    /* a pixel, a step of one to the right and one up, another pixel */
    const uint8_t step[] = {1, 7, 0, 2, 1, 1, 1, 8, 0, 1};
    expect_bmp(small_bmp(2, 1, step, sizeof step), (const uint8_t[]){0, 0, 8, 7, 0, 0});
    struct bytes file = small_bmp(2, 1, runs, 4);
    expect_undecodable(file.data, file.n, "the file ends too early");
    file = small_bmp(2, 4, rows, sizeof rows);
    expect_undecodable(file.data, file.n,
                       "a BMP of 8 bits per pixel with compression 4, expected none, RLE4 or RLE8");
}

/* A canvas of 3 x 1 with a frame of 2 x 1 at its right: indices 1 and 2, of which 1 is transparent. */
static void test_image__draws_transparent_pixels_of_gif_in_their_colour(void **state)
{
    (void)state;
    const uint8_t gif[] = {
        'G', 'I', 'F',  '8',  '9', 'a', 3,  0,  1,  0,  0x81, 3,  0, /* 4 colours: */
        10,  11,  12,   20,   21,  22,  30, 31, 32, 40, 41,   42, '!', 0xf9, 4, 1, 0, 0, 1, 0, /* */
        ',', 1,   0,    0,    0,   2,   0,  1,  0,  0, /* clear, 1, 2, end in codes of 3 bits: */
        2,   2,   0x8c, 0x0a, 0,   ';'};
    expect_decoded(gif, sizeof gif, (const uint8_t[]){20, 21, 22, 20, 21, 22, 30, 31, 32}, 3, 1);
}

static void test_image__reads_ppm_and_pgm(void **state)
{
    (void)state;
    const uint8_t colour[] = {1, 2, 3, 4, 5, 6};
    expect_decoded("P6 2 1 255\n\1\2\3\4\5\6", 17, colour, 2, 1);
    expect_decoded("P3\n# made by hand\n2 1\n255\n1 2 3 4 5#6\n 6", 40, colour, 2, 1);
    expect_decoded("P5 2 1 3\n\1\2", 11, (const uint8_t[]){85, 85, 85, 170, 170, 170}, 2, 1);
    /* more than 255 levels of grey count as 16 bits, which are clipped: as in Pillow 13.0.0 */
    expect_decoded("P2 2 1 65535 254 300", 20, (const uint8_t[]){254, 254, 254, 255, 255, 255}, 2, 1);
    expect_undecodable("P5 2 1 255\n\1", 12, "the file ends too early");
    expect_undecodable("P2 2 1 9 1 10", 13, "a value of 10 before byte 13, expected 0 to 9");
    expect_undecodable("P6 2 1 70000\nabcdef", 19, "a largest value of 70000, expected 1 to 65535");
    expect_undecodable("P6 99999 99999 255\n", 19, "99999 x 99999 pixels, expected 1 to 178956970");
}

/* 4 x 2 pixels, lossless: Pillow 13.0.0. */
static const uint8_t small_webp[] = {
    0x52, 0x49, 0x46, 0x46, 0x56, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38, 0x4c,
    0x4a, 0x00, 0x00, 0x00, 0x2f, 0x03, 0x40, 0x00, 0x00, 0x3f, 0xa0, 0xa6, 0x91, 0x14, 0xe8, 0xee,
    0x78, 0x3a, 0x3a, 0x5c, 0xe2, 0x1b, 0x01, 0xb4, 0x18, 0x51, 0xd4, 0x46, 0x0a, 0xb4, 0xbb, 0x5c,
    0x16, 0xb0, 0x8c, 0x56, 0x5e, 0xa0, 0x40, 0x71, 0xdb, 0x48, 0xca, 0x32, 0xde, 0xd5, 0x79, 0xfd,
    0x7f, 0x51, 0xf3, 0x1f, 0x33, 0x6b, 0x71, 0xea, 0x4a, 0xb6, 0xe6, 0x7e, 0xcb, 0xfb, 0xb6, 0xdb,
    0x27, 0x83, 0x40, 0x80, 0x8c, 0x2d, 0x78, 0xd0, 0x62, 0x49, 0x44, 0xff, 0x63, 0x0c};

/* An animation of a pixel on a canvas of 60000 x 60000. */
static const uint8_t huge_webp[] = {
    0x52, 0x49, 0x46, 0x46, 0x52, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38,
    0x58, 0x0a, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x5f, 0xea, 0x00, 0x5f, 0xea, 0x00,
    0x41, 0x4e, 0x49, 0x4d, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x41,
    0x4e, 0x4d, 0x46, 0x26, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x56, 0x50, 0x38, 0x4c, 0x0e, 0x00, 0x00,
    0x00, 0x2f, 0x00, 0x00, 0x00, 0x00, 0x07, 0x10, 0x11, 0xfd, 0x0f, 0x44, 0x44, 0xff, 0x03};

static void test_image__reads_webp_or_says_that_it_cannot(void **state)
{
    (void)state;
    static const uint8_t want[] = {119, 109, 134, 125, 104, 137, 137, 107, 103, 138, 120, 116,
                                   124, 143, 131, 145, 140, 125, 95,  135, 123, 110, 129, 125};
    if (!strstr(image_decoder(), "libwebp")) {
        expect_undecodable(small_webp, sizeof small_webp,
                           "it is WebP, and this program was built without libwebp");
        return;
    }
    expect_decoded(small_webp, sizeof small_webp, want, 4, 2);
    expect_undecodable(huge_webp, sizeof huge_webp, "60000 x 60000 pixels, expected 1 to 178956970");
    expect_undecodable(small_webp, sizeof small_webp - 20,
                       "damaged WebP: its headers do not fit together, or the file ends too early");
}

/* ---------------------------------------------------------------- any format */

static void test_image__refuses_a_bmp_that_ends_early(void **state)
{
    struct image image = noise_image(40, 30, 2);
    char *bmp = write_bmp(*state, "whole.bmp", &image);
    char *bytes = NULL;
    size_t n = 0;
    assert_int_equal(file_read(&bytes, &n, bmp), OK);
    expect_refused(*state, bytes, n - 1, "the file ends too early");
    free(bytes);
    free(bmp);
    image_free(&image);
}

static void test_image__refuses_absurd_sizes_before_it_allocates(void **state)
{
    uint8_t bmp[64] = {'B', 'M',         [10] = 54, [14] = 40, [18] = 0xff, 0xff,     0,
                       0,   [22] = 0xff, 0xff,      0,         0,           [26] = 1, [28] = 24};
    expect_refused(*state, bmp, sizeof bmp, "65535 x 65535 pixels, expected 1 to 178956970");
}

static void test_image__says_what_a_foreign_file_is(void **state)
{
    expect_refused(*state, "", 0, "the file is empty");
    static const struct {
        const char *data, *what;
        size_t n;
    } cases[] = {
        {"<!DOCTYPE html><html><body>Not Found</body></html>", "it looks like a web page", 50},
        {"\n\n  <!DOCTYPE html>", "it looks like a web page", 19},
        {"\xef\xbb\xbf<svg xmlns=", "it is SVG", 13},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0000",
         "it is a git LFS pointer, not the image itself", 58},
        {"\0\0\0\x1c"
         "ftypheic\0\0\0\0",
         "it is HEIC", 16},
        {"\0\0\0\x1c"
         "ftypavif\0\0\0\0",
         "it is AVIF", 16},
        {"II*\0\x08\0\0\0", "it is TIFF", 8},
        {"\xff\x0a\xfa\x1f", "it is JPEG XL", 4},
        {"\0\0\0\x0cjP  \r\n\x87\n", "it is JPEG 2000", 12},
        {"some text that is no image at all, and long enough", "no known image format", 50},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *reason = str_format("%s, expected JPEG, PNG, BMP, GIF, PPM, PGM or WebP", cases[i].what);
        expect_refused(*state, cases[i].data, cases[i].n, reason);
        free(reason);
    }
}

/* The decoder must not wait for a pipe without a writer. */
static void test_image__refuses_what_is_no_regular_file(void **state)
{
    char *pipe = path_join(*state, "pipe.jpg");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    const struct {
        const char *path, *what;
    } cases[] = {{pipe, "a pipe"}, {"/dev/zero", "a device"}, {*state, "a folder"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *want = str_format("cannot read '%s': it is %s, expected a file", cases[i].path, cases[i].what);
        struct image image;
        assert_int_equal(image_read(&image, cases[i].path), ERR_IO);
        assert_string_equal(error_message(), want);
        free(want);
    }
    free(pipe);
}

static void test_image__names_its_decoders(void **state)
{
    (void)state;
    const char *text = image_decoder();
    assert_int_equal(strncmp(text, "libjpeg-turbo ", 14), 0);
    assert_true(strlen(text) < 60 && strchr("123456789", text[14]));
}

static void test_image__names_a_missing_file(void **state)
{
    char *path = path_join(*state, "none.jpg");
    char *want = str_format("cannot open '%s': No such file or directory", path);
    struct image image;
    assert_int_equal(image_read(&image, path), ERR_IO);
    assert_string_equal(error_message(), want);
    free(want);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image__keeps_every_pixel_of_a_lossless_file),
        cmocka_unit_test(test_image__drops_alpha_without_blending),
        cmocka_unit_test(test_image__replicates_grey),
        cmocka_unit_test(test_image__clips_grey_of_16_bits),
        cmocka_unit_test(test_image__notices_every_flipped_bit_of_a_png),
        cmocka_unit_test(test_image__names_the_damaged_chunk_of_a_png),
        cmocka_unit_test(test_image__keeps_a_png_that_lacks_no_pixel),
        cmocka_unit_test(test_image__reads_bmp_from_the_top_and_of_run_lengths),
        cmocka_unit_test(test_image__draws_transparent_pixels_of_gif_in_their_colour),
        cmocka_unit_test(test_image__reads_ppm_and_pgm),
        cmocka_unit_test(test_image__reads_webp_or_says_that_it_cannot),
        cmocka_unit_test(test_image__refuses_a_bmp_that_ends_early),
        cmocka_unit_test(test_image__refuses_absurd_sizes_before_it_allocates),
        cmocka_unit_test(test_image__says_what_a_foreign_file_is),
        cmocka_unit_test(test_image__refuses_what_is_no_regular_file),
        cmocka_unit_test(test_image__names_its_decoders),
        cmocka_unit_test(test_image__names_a_missing_file),
    };
    return cmocka_run_group_tests_name("image", tests, make_folder, remove_folder);
}
