/* Pixel buffers for the decoders, and their orientation. */
#include "pixels.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Pillow's limit ("decompression bomb"): twice 2^30 / 4 / 3 pixels. */
enum { PIXELS_MAX = 178956970 };

int image_check_size(int64_t width, int64_t height)
{
    if (width < 1 || height < 1 || width > PIXELS_MAX || height > PIXELS_MAX / width)
        return error_set(ERR_FORMAT, "%" PRId64 " x %" PRId64 " pixels, expected 1 to %d", width, height,
                         (int)PIXELS_MAX);
    return OK;
}

int image_allocate(struct image *out, int64_t width, int64_t height)
{
    *out = (struct image){0};
    int status = image_check_size(width, height);
    if (status != OK)
        return status;
    uint8_t *pixels = malloc((size_t)width * (size_t)height * IMAGE_CHANNELS);
    if (!pixels)
        return error_out_of_memory();
    *out = (struct image){.pixels = pixels, .width = width, .height = height};
    return OK;
}

int image_ends_early(void)
{
    return error_set(ERR_FORMAT, "the file ends too early");
}

/* Where a pixel of the turned picture comes from. */
static size_t source_of(const struct image *in, int orientation, int64_t x, int64_t y)
{
    const bool is_transposed = orientation >= 5;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const int64_t column = is_transposed ? y : x, row = is_transposed ? x : y;
    return (size_t)((from_below ? in->height - 1 - row : row) * in->width +
                    (from_right ? in->width - 1 - column : column));
}

int image_turn(struct image *image, int orientation)
{
    const bool is_transposed = orientation >= 5;
    struct image out = {0};
    if (orientation <= 1)
        return OK;
    int status = image_allocate(&out, is_transposed ? image->height : image->width,
                                is_transposed ? image->width : image->height);
    if (status != OK)
        return status;
    uint8_t *pixel = out.pixels;
    for (int64_t y = 0; y < out.height; y++)
        for (int64_t x = 0; x < out.width; x++, pixel += IMAGE_CHANNELS)
            memcpy(pixel, image->pixels + source_of(image, orientation, x, y) * IMAGE_CHANNELS,
                   IMAGE_CHANNELS);
    free(image->pixels);
    image->pixels = out.pixels;
    image->width = out.width;
    image->height = out.height;
    return OK;
}

void image_free(struct image *image)
{
    free(image->pixels);
    *image = (struct image){0};
}
