/**
 * Pixels to the model's input: Pillow's resize, torchvision's crops, CLIP's normalization.
 *
 * Resizing is Pillow's own algorithm for 8-bit images (bicubic with antialiasing, horizontal then vertical
 * pass, fixed-point coefficients), so results are within one level of 255 of every Pillow up to 12.3. Pillow
 * 13.0 runs the vertical pass first for some sizes, which changes a pixel by up to 25 levels; the field's
 * numbers rest on the order before.
 */
#ifndef PROMPT_DATA_TRANSFORM_H
#define PROMPT_DATA_TRANSFORM_H

#include "prompt/base/rng.h"
#include "prompt/data/image.h"

/** A rectangle in pixels of an image. */
struct crop {
    int64_t left;
    int64_t top;
    int64_t width;
    int64_t height;
};

/** Resizes the part `box` of `in` to `width` x `height` (bicubic, antialiased). Caller frees `out`.
 * ERR_MEMORY. */
int transform_resize(struct image *out, const struct image *in, struct crop box, int64_t width,
                     int64_t height);

/**
 * Test transform: shorter side to `size` (longer: int(size * long / short)), centre crop with offset
 * int(round((side - size) / 2.0)), halves to even. 8-bit, before normalization.
 */
int transform_test(struct image *out, const struct image *in, int64_t size);

/** torchvision's RandomResizedCrop: 10 tries of area `scale_min`..1, ratio log-uniform in 3/4..4/3, else
 * central. */
struct crop transform_random_crop(struct rng *rng, int64_t width, int64_t height, double scale_min);

/** Training transform: random crop resized to `size`, then a horizontal flip with probability 1/2. */
int transform_train(struct image *out, const struct image *in, int64_t size, double scale_min,
                    struct rng *rng);

/** out[c][y][x] = (pixel / 255 - mean[c]) / std[c], CLIP's mean and standard deviation. out: [3, height,
 * width]. */
void transform_normalize(float *out, const struct image *in);

#endif
