/** Image files as RGB pixels, the way Pillow's `convert("RGB")` makes them. */
#ifndef PROMPT_IMAGE_IMAGE_H
#define PROMPT_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** 8-bit RGB, row-major, three bytes a pixel. */
struct image {
    uint8_t *pixels; /* [height][width][3], owned */
    int64_t width;
    int64_t height;
    const char *damage; /* static: of a file that is damaged and was read all the same, else NULL */
};

/**
 * Decodes a file, whatever its extension says: JPEG, PNG, BMP, GIF, PPM and PGM, and WebP where the build has
 * libwebp. Grey is replicated, palettes are expanded, alpha is dropped (not blended), CMYK and YCCK become
 * RGB, of an animation the first frame counts, EXIF orientation is not applied. 16 bits a channel are reduced
 * to the high byte, but of 16-bit grey values above 255 are clipped: that is Pillow's. A file that is not
 * regular (a pipe, a device), one that ends too early or whose data are damaged, and one of more than
 * 178,956,970 pixels (Pillow's limit) are errors.
 * @return OK; ERR_IO or ERR_FORMAT with the absolute path and the reason; ERR_MEMORY
 */
int image_read(struct image *out, const char *path);

/** The same of a file in memory; messages name no path. `bytes` is borrowed during the call. */
int image_decode(struct image *out, const uint8_t *bytes, size_t n);

void image_free(struct image *image);

/** "JPEG", "PNG", "GIF", "BMP", "WebP", "PPM" or "PGM", from the file's first bytes alone; else "no known
 * format". */
const char *image_format(const char *path);

/** The libraries on which pixels of lossy formats depend, such as "libjpeg-turbo 2.1.5, libwebp 1.2.4": of
 * libjpeg-turbo the version of the build, of libwebp the one that runs. Valid until the
 * thread's next call. */
const char *image_decoder(void);

#endif
