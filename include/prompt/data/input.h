/** Pictures as the model's input. */
#ifndef PROMPT_DATA_INPUT_H
#define PROMPT_DATA_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "prompt/image/image.h"
#include "prompt/image/preprocess.h"

struct input_options {
    struct preprocess preprocess; /* the model's */
    bool augment;                 /* the training transform; else the test transform */
    double crop_scale_min;        /* of the training transform, as its seed */
    uint64_t seed;
    bool apply_orientation; /* turn the picture upright by its EXIF data first */
};

/**
 * Decodes a picture, transforms it and normalizes it. The training transform depends on (seed, epoch, item)
 * alone.
 * @param out      [3, preprocess.image_px, preprocess.image_px]
 * @param picture  {0}: becomes the decoded file, owned, for image_free; else one that was decoded before
 * @return OK; the failures of image_read; ERR_MEMORY
 */
int input_read(float *out, struct image *picture, const char *path, const struct input_options *options,
               uint64_t epoch, uint64_t item);

#endif
