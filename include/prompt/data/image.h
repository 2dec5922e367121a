/** Image files as RGB pixels (stb_image), the way Pillow's `convert("RGB")` makes them. */
#ifndef PROMPT_DATA_IMAGE_H
#define PROMPT_DATA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** 8-bit RGB, row-major, three bytes a pixel. */
struct image {
    uint8_t *pixels; /* [height][width][3] */
    int64_t width;
    int64_t height;
};

/**
 * Decodes a file, whatever its extension says. Grey is replicated, palettes are expanded, alpha is dropped
 * (not blended), CMYK and YCCK become RGB as (255-C)(255-K)/255, 16-bit is reduced to its high byte, of an
 * animation the first frame counts, EXIF orientation is not applied. JPEG, PNG, BMP and GIF; how far the
 * pixels are from Pillow's stands in image.c. A file that ends too early and one of more than 178,956,970
 * pixels (Pillow's limit) are errors.
 * @return OK; ERR_IO or ERR_FORMAT with the absolute path and the reason; ERR_MEMORY
 */
int image_read(struct image *out, const char *path);
void image_free(struct image *image);

/** "JPEG", "PNG", "GIF" or "BMP", from the file's first bytes alone; else "no known format". */
const char *image_format(const char *path);

/** The libraries, with their versions, on which the pixels of lossy formats depend: "stb_image 2.27". Static.
 */
const char *image_decoder(void);

#endif
