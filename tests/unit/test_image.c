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

struct bytes {
    uint8_t data[1 << 16];
    size_t n;
};

static void append(void *user, void *data, int n)
{
    struct bytes *bytes = user;
    if (bytes->n + (size_t)n <= sizeof bytes->data)
        memcpy(bytes->data + bytes->n, data, (size_t)n);
    bytes->n += (size_t)n;
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
    assert_true(stbi_write_png_to_func(append, &png, 2, 1, 4, rgba, 0));
    char *path = write_file(*state, "rgba.png", png.data, png.n);
    expect_pixels(path, (const uint8_t[]){10, 20, 30, 40, 50, 60}, 2, 1);
    free(path);
}

static void test_image__replicates_grey(void **state)
{
    const uint8_t grey_alpha[] = {10, 0, 200, 255};
    struct bytes png = {.n = 0};
    assert_true(stbi_write_png_to_func(append, &png, 2, 1, 2, grey_alpha, 0));
    char *path = write_file(*state, "grey.png", png.data, png.n);
    expect_pixels(path, (const uint8_t[]){10, 10, 10, 200, 200, 200}, 2, 1);
    free(path);
}

static void test_image__refuses_a_file_cut_anywhere(void **state)
{
    struct image image = noise_image(40, 30, 2);
    struct bytes files[2] = {{.n = 0}, {.n = 0}};
    assert_true(stbi_write_png_to_func(append, &files[0], 40, 30, 3, image.pixels, 0));
    assert_true(stbi_write_jpg_to_func(append, &files[1], 40, 30, 3, image.pixels, 90));
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
    assert_true(stbi_write_png_to_func(append, &files[0], 9, 8, 3, image.pixels, 0));
    assert_true(stbi_write_jpg_to_func(append, &files[1], 9, 8, 3, image.pixels, 60));
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
        cmocka_unit_test(test_image__names_a_missing_file),
        cmocka_unit_test(test_image__survives_every_changed_byte),
    };
    return cmocka_run_group_tests_name("image", tests, make_folder, remove_folder);
}
