#include "picture.h"

#include <png.h>
#include <stdlib.h>

#include "prompt/base/file.h"

int picture_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height,
                  int (*write)(const char *path, const void *data, size_t n))
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)width,
        .height = (png_uint_32)height,
        .format = PNG_FORMAT_RGB,
        .flags = PNG_IMAGE_FLAG_FAST,
    };
    png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX(image); /* encode in memory: `write` reports a full disk */
    unsigned char *bytes = malloc(n);
    if (!bytes)
        return error_out_of_memory();
    int status = OK;
    if (!png_image_write_to_memory(&image, bytes, &n, 0, rgb, 0, NULL))
        status = error_set(ERR_IO, "cannot encode '%s': %s", path, image.message);
    else
        status = write(path, bytes, n);
    free(bytes);
    return status;
}
