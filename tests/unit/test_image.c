/* Decoding: what the pixels are and what is refused. Every format against Pillow:
 * tests/parity/test_images.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image_files.h"
#include "prompt/base/error.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image_write.h>

/* 24 x 20 pixels of noise, colour at half the resolution: Pillow 13.0.0, quality 20, optimize. stb's own
 * writer of JPEG is not used because the sanitizers stop at it. */
static const uint8_t small_jpeg[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00,
    0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x28, 0x1c, 0x1e, 0x23, 0x1e, 0x19, 0x28, 0x23, 0x21,
    0x23, 0x2d, 0x2b, 0x28, 0x30, 0x3c, 0x64, 0x41, 0x3c, 0x37, 0x37, 0x3c, 0x7b, 0x58, 0x5d, 0x49, 0x64,
    0x91, 0x80, 0x99, 0x96, 0x8f, 0x80, 0x8c, 0x8a, 0xa0, 0xb4, 0xe6, 0xc3, 0xa0, 0xaa, 0xda, 0xad, 0x8a,
    0x8c, 0xc8, 0xff, 0xcb, 0xda, 0xee, 0xf5, 0xff, 0xff, 0xff, 0x9b, 0xc1, 0xff, 0xff, 0xff, 0xfa, 0xff,
    0xe6, 0xfd, 0xff, 0xf8, 0xff, 0xdb, 0x00, 0x43, 0x01, 0x2b, 0x2d, 0x2d, 0x3c, 0x35, 0x3c, 0x76, 0x41,
    0x41, 0x76, 0xf8, 0xa5, 0x8c, 0xa5, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8,
    0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8,
    0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8,
    0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xff, 0xc0, 0x00, 0x11, 0x08, 0x00, 0x14, 0x00, 0x18, 0x03, 0x01, 0x22,
    0x00, 0x02, 0x11, 0x01, 0x03, 0x11, 0x01, 0xff, 0xc4, 0x00, 0x17, 0x00, 0x01, 0x01, 0x01, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x02, 0x01, 0xff, 0xc4,
    0x00, 0x24, 0x10, 0x01, 0x00, 0x01, 0x04, 0x01, 0x03, 0x04, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x02, 0x00, 0x03, 0x11, 0x21, 0x41, 0x04, 0x12, 0x71, 0x13, 0x31, 0x51, 0xb1, 0x22,
    0xc1, 0xf0, 0xff, 0xc4, 0x00, 0x17, 0x01, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x04, 0x01, 0xff, 0xc4, 0x00, 0x1c, 0x11, 0x00, 0x01,
    0x05, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x02,
    0x03, 0x11, 0x21, 0xf0, 0x31, 0x51, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01, 0x00, 0x02, 0x11, 0x03, 0x11,
    0x00, 0x3f, 0x00, 0xc5, 0xa6, 0x25, 0x8e, 0xec, 0x6f, 0x7e, 0xce, 0xfc, 0x55, 0x26, 0xc5, 0x82, 0x46,
    0x23, 0x15, 0xd9, 0xf2, 0x9c, 0x54, 0xac, 0x4c, 0xf4, 0x61, 0x14, 0xc6, 0x72, 0x18, 0x37, 0xcb, 0xf7,
    0x54, 0x89, 0x26, 0x11, 0x58, 0x01, 0x27, 0x1e, 0xc6, 0x31, 0xfa, 0xf3, 0xe1, 0xa2, 0x70, 0xd5, 0xa4,
    0x5b, 0x89, 0x58, 0xbe, 0x0d, 0xac, 0xec, 0x33, 0xcb, 0xa9, 0x6f, 0xfb, 0xee, 0x95, 0xce, 0xaa, 0x44,
    0xc5, 0x48, 0xab, 0x8e, 0x4d, 0x3c, 0xe3, 0xe6, 0x94, 0x71, 0xbc, 0x34, 0x52, 0x7c, 0x42, 0xc6, 0x04,
    0xe9, 0x88, 0xe1, 0x3b, 0x44, 0x4e, 0x7c, 0xd5, 0x2e, 0x1e, 0x9d, 0xa2, 0xe1, 0x97, 0x37, 0x25, 0x16,
    0x2b, 0xae, 0x4a, 0x52, 0x90, 0xef, 0x4a, 0x9e, 0x5c, 0x7f, 0x7d, 0x52, 0x72, 0xd8, 0x94, 0x33, 0xf8,
    0x81, 0x83, 0x8e, 0x29, 0x4a, 0x55, 0x4d, 0xc1, 0x9d, 0x8a, 0x88, 0x9a, 0x0d, 0xd8, 0x5f, 0xff, 0xd9};

struct bytes {
    uint8_t data[1 << 16];
    size_t n;
};

static void append(struct bytes *bytes, const void *data, size_t n)
{
    if (bytes->n + n <= sizeof bytes->data)
        memcpy(bytes->data + bytes->n, data, n);
    bytes->n += n;
}

static void append_int(void *user, void *data, int n)
{
    append(user, data, (size_t)n);
}

static void expect_pixels(const char *path, const uint8_t *want, int64_t width, int64_t height)
{
    struct image image;
    if (image_read(&image, path) != OK)
        fail_msg("%s", error_message());
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_memory_equal(image.pixels, want, (size_t)(width * height * 3));
    image_free(&image);
}

/* The file must be refused with its path and this reason. */
static void expect_refused(const char *folder, const void *data, size_t n, const char *reason)
{
    char *path = write_file(folder, "bad", data, n);
    char *want = str_format("cannot decode '%s': %s", path, reason);
    struct image image = {.width = 1};
    error_clear();
    assert_int_equal(image_read(&image, path), ERR_FORMAT);
    assert_string_equal(error_message(), want);
    assert_null(image.pixels);
    free(want);
    free(path);
}

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

static void test_image__refuses_a_file_cut_anywhere(void **state)
{
    struct image image = noise_image(40, 30, 2);
    struct bytes files[2] = {{.n = 0}, {.n = 0}};
    assert_true(stbi_write_png_to_func(append_int, &files[0], 40, 30, 3, image.pixels, 0));
    append(&files[1], small_jpeg, sizeof small_jpeg);
    for (size_t f = 0; f < 2; f++) {
        assert_true(files[f].n < sizeof files[f].data);
        /* 12: the end chunk of a PNG holds no pixels and may be missing */
        for (size_t n = 0; n + 12 < files[f].n; n += 1 + files[f].n / 200) {
            char *path = write_file(*state, "cut", files[f].data, n);
            struct image out;
            if (image_read(&out, path) != ERR_FORMAT)
                fail_msg("file %zu cut to %zu of %zu bytes was read", f, n, files[f].n);
            free(path);
        }
    }
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
    expect_refused(*state, "RIFF....WEBPVP8 ....................", 36,
                   "no image of a known type (WebP is not supported)");
    expect_refused(*state, "<!DOCTYPE html><html><body>Not Found</body></html>", 50,
                   "no image of a known type (it looks like a web page)");
    expect_refused(*state, "version https://git-lfs.github.com/spec/v1\noid sha256:0000", 58,
                   "no image of a known type (it is a git LFS pointer, not the image itself)");
    expect_refused(*state, "some text that is no image at all, and long enough", 50,
                   "no image of a known type (JPEG, PNG, BMP and GIF are supported)");
}

/* stb 2.27 would write the sizes of 16 * 255 codes into an array of 257. */
static void test_image__refuses_a_huffman_table_without_bound(void **state)
{
    uint8_t jpeg[64] = {0xff, 0xff, 0xd8, 0xff, 0xc4, 0, 19, 0}; /* a fill byte before the first marker */
    memset(jpeg + 8, 255, 16);
    expect_refused(*state, jpeg, sizeof jpeg, "bad Huffman table");
    expect_refused(*state, jpeg + 1, 12, "bad Huffman table"); /* the file ends within the counts */
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

/* Whatever single byte is changed: an image or an error, never a crash (run under the sanitizers). */
static void test_image__survives_every_changed_byte(void **state)
{
    struct image image = noise_image(9, 8, 3);
    struct bytes files[2] = {{.n = 0}, {.n = 0}};
    assert_true(stbi_write_png_to_func(append_int, &files[0], 9, 8, 3, image.pixels, 0));
    append(&files[1], small_jpeg, sizeof small_jpeg);
    size_t n_refused = 0;
    for (size_t f = 0; f < 2; f++) {
        for (size_t i = 0; i < files[f].n; i++) {
            uint8_t before = files[f].data[i];
            files[f].data[i] = (uint8_t)(before ^ (1U << i % 8));
            char *path = write_file(*state, "changed", files[f].data, files[f].n);
            struct image out;
            n_refused += image_read(&out, path) != OK;
            image_free(&out);
            free(path);
            files[f].data[i] = before;
        }
    }
    assert_true(n_refused > 50);
    image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image__keeps_every_pixel_of_a_lossless_file),
        cmocka_unit_test(test_image__drops_alpha_without_blending),
        cmocka_unit_test(test_image__replicates_grey),
        cmocka_unit_test(test_image__refuses_a_file_cut_anywhere),
        cmocka_unit_test(test_image__refuses_absurd_sizes_before_it_allocates),
        cmocka_unit_test(test_image__says_what_a_foreign_file_is),
        cmocka_unit_test(test_image__refuses_a_huffman_table_without_bound),
        cmocka_unit_test(test_image__names_a_missing_file),
        cmocka_unit_test(test_image__survives_every_changed_byte),
    };
    return cmocka_run_group_tests_name("image", tests, make_folder, remove_folder);
}
