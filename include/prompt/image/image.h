/** Decodes image files to RGB, with the pixels of Pillow's `convert("RGB")`. */
#ifndef PROMPT_IMAGE_IMAGE_H
#define PROMPT_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"

/** 8-bit RGB, row-major, three bytes per pixel. */
struct image {
    uint8_t *pixels; /* [height][width][3], owned */
    int64_t width;
    int64_t height;
    const char *damage; /* static; the damage of a file that could still be read, else NULL */
    int orientation;    /* of the file's EXIF data, 2 to 8; 1: upright, or none; 0: not read from a file */
};

/**
 * Decodes a file by its contents, not its extension: JPEG, PNG, BMP, GIF, PPM and PGM, and WebP where the
 * build has libwebp. Replicates grey, expands palettes, drops alpha (without blending), converts CMYK and
 * YCCK to RGB, reads the first frame of an animation, and does not apply the EXIF orientation (image_turn
 * does). 16-bit channels keep their high byte, but 16-bit grey is clipped at 255, as in Pillow. Errors: a
 * file that is not regular (a pipe, a device), is truncated or damaged, or has more than 178,956,970 pixels
 * (Pillow's limit).
 * @return OK; ERR_IO or ERR_FORMAT with the absolute path and the reason; ERR_MEMORY
 */
int image_read(struct image *out, const char *path);

/** The same for a file in memory; messages name no path. `bytes` is borrowed during the call. */
int image_decode(struct image *out, const uint8_t *bytes, size_t n);

/**
 * Turns the pixels by `orientation` of EXIF, 1 to 8, as Pillow's ImageOps.exif_transpose does: a permutation
 * of the pixels, which swaps width and height from 5 on. ERR_MEMORY.
 */
int image_turn(struct image *image, int orientation);

void image_free(struct image *image);

/**
 * Encodes the pixels as JPEG, for showing them.
 * @param out      [*n] bytes, owned (free); NULL on failure
 * @param quality  1 to 100
 * @return OK; ERR_FORMAT for a side above 65,500 pixels; ERR_MEMORY
 */
int image_encode_jpeg(uint8_t **out, size_t *n, const struct image *in, int quality);

/** Static: "JPEG", "PNG", "GIF", "BMP", "WebP", "PPM", "PGM" or "no known format", by the first bytes. */
const char *image_format(const char *path);

/** The libraries on which pixels of lossy formats depend, "libjpeg-turbo 2.1.5, libwebp 1.2.4" (the version
 * at build time and the one that runs). Borrowed, valid until the thread's next call. */
const char *image_decoder(void);

#endif
