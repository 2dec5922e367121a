/* Images and image files for tests, made in a temporary folder. */
#ifndef TESTS_UNIT_IMAGE_FILES_H
#define TESTS_UNIT_IMAGE_FILES_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/image/image.h"

/* Noise that depends only on `seed`. */
static inline struct image noise_image(int64_t width, int64_t height, uint32_t seed)
{
    struct image image = {.pixels = malloc((size_t)(width * height * 3)), .width = width, .height = height};
    uint32_t x = seed;
    for (int64_t i = 0; image.pixels && i < width * height * 3; i++) {
        x = (x * 1103515245U + 12345U) & 0x7fffffffU;
        image.pixels[i] = (uint8_t)(x >> 16);
    }
    return image;
}

/* cmocka's setup and teardown: *state is the path of a fresh folder, removed with its files at the end. */
static inline int make_folder(void **state)
{
    *state = str_dup("/tmp/prompt-test-XXXXXX");
    return *state && mkdtemp(*state) ? 0 : -1;
}

static inline int remove_folder(void **state)
{
    DIR *dir = opendir(*state);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char *path = path_join(*state, entry->d_name);
        if (path && entry->d_name[0] != '.')
            unlink(path);
        free(path);
    }
    if (dir)
        closedir(dir);
    int result = rmdir(*state);
    free(*state);
    return result;
}

/* Writes `n` bytes under `name`; returns the path, owned by the caller. */
static inline char *write_file(const char *folder, const char *name, const void *data, size_t n)
{
    char *path = path_join(folder, name);
    FILE *f = path ? fopen(path, "wb") : NULL;
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
        abort();
    return path;
}

/* A PNG of one grey pixel without its end: damaged, but not an error. */
static inline char *write_damaged(const char *folder, const char *name)
{
    static const uint8_t png[] = {0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00,
                                  0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
                                  0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55,
                                  0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63,
                                  0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6};
    return write_file(folder, name, png, sizeof png);
}

/* The image as a 24-bit BMP: rows from the bottom, blue first, padded to four bytes. */
static inline char *write_bmp(const char *folder, const char *name, const struct image *image)
{
    const size_t row_bytes = ((size_t)image->width * 3 + 3) / 4 * 4;
    const size_t n = 54 + row_bytes * (size_t)image->height;
    uint8_t *bytes = calloc(1, n);
    if (!bytes)
        abort();
    const uint32_t fields[] = {(uint32_t)n,  0, 54, 40, (uint32_t)image->width, (uint32_t)image->height,
                               1 | 24U << 16};
    bytes[0] = 'B';
    bytes[1] = 'M';
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (size_t b = 0; b < 4; b++)
            bytes[2 + 4 * i + b] = (uint8_t)(fields[i] >> 8 * b);
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++)
            for (int64_t c = 0; c < 3; c++)
                bytes[54 + (size_t)(image->height - 1 - y) * row_bytes + (size_t)(x * 3 + c)] =
                    image->pixels[(y * image->width + x) * 3 + 2 - c];
    char *path = write_file(folder, name, bytes, n);
    free(bytes);
    return path;
}

#endif
