/** Shared by the decoders: checked sizes, pixel buffers, an error. */
#ifndef PROMPT_SRC_IMAGE_PIXELS_H
#define PROMPT_SRC_IMAGE_PIXELS_H

#include "prompt/image/image.h"

enum { IMAGE_CHANNELS = 3 };

/** OK for 1 to 178,956,970 pixels, else ERR_FORMAT. */
int image_check_size(int64_t width, int64_t height);
/** image_check_size(), then allocates uninitialized pixels. */
int image_allocate(struct image *out, int64_t width, int64_t height);

/** ERR_FORMAT, "the file ends too early". */
int image_ends_early(void);

#endif
