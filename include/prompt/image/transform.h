/**
 * Pixels to the model's input: Pillow's resize, torchvision's crops, the model's normalization.
 *
 * Resizing is Pillow's own algorithm for 8-bit images (filters with antialiasing, horizontal then vertical
 * pass, fixed-point coefficients), so results are within one level (of 255) of every Pillow up to 12.3.
 * Pillow 13.0 runs the vertical pass first for some sizes, which changes pixels by up to 25 levels; the
 * field's published numbers use the earlier order.
 */
#ifndef PROMPT_IMAGE_TRANSFORM_H
#define PROMPT_IMAGE_TRANSFORM_H

#include "prompt/base/rng.h"
#include "prompt/image/image.h"
#include "prompt/image/preprocess.h"

/** A rectangle in pixels of an image. */
struct crop {
    int64_t left;
    int64_t top;
    int64_t width;
    int64_t height;
};

/** Resizes the part `box` of `in` to `width` x `height`, antialiased; the caller owns `out`. ERR_MEMORY. */
int transform_resize(struct image *out, const struct image *in, struct crop box, int64_t width,
                     int64_t height, enum interpolation interpolation);

/**
 * open_clip's test transform: resizes the sides of p->resize_mode to p->resize_px (shortest: the longer side
 * becomes int(px * long / short); longest: the shorter side is rounded, halves to even, at least 1), then
 * takes a centre crop to p->image_px with offset int(round((side - image_px) / 2.0)), halves to even. Pads a
 * side below image_px with p->fill, an odd pixel at the end. `out` is owned by the caller; 8-bit, not
 * normalized.
 */
int transform_test(struct image *out, const struct image *in, const struct preprocess *p);

/** RandomResizedCrop of torchvision: 10 tries, area scale_min..1, ratio log-uniform in 3/4..4/3; else
 * central. */
struct crop transform_random_crop(struct rng *rng, int64_t width, int64_t height, double scale_min);

/** Training transform: a random crop resized to p->image_px, then a horizontal flip with probability 1/2. */
int transform_train(struct image *out, const struct image *in, const struct preprocess *p, double scale_min,
                    struct rng *rng);

/** out[c][y][x] = (level * p->scale - mean[c]) / std[c]; out [3, height, width]. */
void transform_normalize(float *out, const struct image *in, const struct preprocess *p);

#endif
