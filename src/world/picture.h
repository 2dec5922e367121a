/** Writing pictures; the only file that knows libpng. */
#ifndef PROMPT_SRC_WORLD_PICTURE_H
#define PROMPT_SRC_WORLD_PICTURE_H

#include <stdint.h>

/** Writes rgb [height, width, 3] to `path`. ERR_IO with the reason; ERR_MEMORY. */
int picture_write(const char *path, const uint8_t *rgb, int64_t width, int64_t height);

#endif
