/* The EXIF data of a picture's file, for its orientation. */
#ifndef PROMPT_SRC_IMAGE_EXIF_H
#define PROMPT_SRC_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/** A part of a file's bytes, borrowed; n is 0 if the file has no such part. */
struct exif_part {
    const uint8_t *bytes;
    size_t n;
};

/* The EXIF data of a file: the first marker APP1 of a JPEG, the chunk eXIf of a PNG, the chunk EXIF of a WebP. */
struct exif_part exif_find_jpeg(const uint8_t *bytes, size_t n);
struct exif_part exif_find_png(const uint8_t *bytes, size_t n);
struct exif_part exif_find_webp(const uint8_t *bytes, size_t n);

/** The orientation in them, 1 to 8; 1 if there is none, or one that cannot be read. */
int exif_orientation(struct exif_part exif);

#endif
