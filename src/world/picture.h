/** Writes pictures; only picture.c uses libpng here. */
#ifndef PROMPT_SRC_WORLD_PICTURE_H
#define PROMPT_SRC_WORLD_PICTURE_H

#include <stddef.h>
#include <stdint.h>

/** Writes rgb [height, width, 3] to `path` by `write`, file_write or file_write_atomic. ERR_IO with the
 * reason; ERR_MEMORY. */
int picture_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height,
                  int (*write)(const char *path, const void *data, size_t n));

#endif
