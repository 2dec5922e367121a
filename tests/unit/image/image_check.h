/* Expectations of the decoders' tests about an image file. */
#ifndef TESTS_UNIT_IMAGE_CHECK_H
#define TESTS_UNIT_IMAGE_CHECK_H

#include "image_files.h"
#include "prompt/base/error.h"

/* Include it after <cmocka.h>. */

struct bytes {
    uint8_t data[1 << 16];
    size_t n;
};

static inline void append(struct bytes *bytes, const void *data, size_t n)
{
    if (bytes->n + n <= sizeof bytes->data)
        memcpy(bytes->data + bytes->n, data, n);
    bytes->n += n;
}

static inline void append_int(void *user, void *data, int n)
{
    append(user, data, (size_t)n);
}

static inline void expect_pixels(const char *path, const uint8_t *want, int64_t width, int64_t height)
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
static inline void expect_refused(const char *folder, const void *data, size_t n, const char *reason)
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

static inline struct image decode(const void *data, size_t n)
{
    struct image image;
    if (image_decode(&image, data, n) != OK)
        fail_msg("%s", error_message());
    return image;
}

static inline uint64_t pixel_digest(const struct image *image)
{
    uint64_t digest = 0xcbf29ce484222325U;
    for (int64_t i = 0; i < image->width * image->height * 3; i++)
        digest = (digest ^ image->pixels[i]) * 0x100000001b3U;
    return digest;
}

/* The file decodes to these pixels. */
static inline void expect_decoded(const void *data, size_t n, const uint8_t *want, int64_t width,
                                  int64_t height)
{
    struct image image = decode(data, n);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_memory_equal(image.pixels, want, (size_t)(width * height * 3));
    image_free(&image);
}

/* The bytes are refused for this reason. */
static inline void expect_undecodable(const void *data, size_t n, const char *reason)
{
    struct image image = {.width = 1};
    assert_int_equal(image_decode(&image, data, n), ERR_FORMAT);
    assert_string_equal(error_message(), reason);
    assert_null(image.pixels);
}

#endif
