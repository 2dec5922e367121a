/* Pixel buffers for the decoders. */
#include "pixels.h"

#include <inttypes.h>
#include <stdlib.h>

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

void image_free(struct image *image)
{
    free(image->pixels);
    *image = (struct image){0};
}
