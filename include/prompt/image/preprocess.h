/**
 * The preprocessing that turns a picture into a model's input: part of the model, given by its files.
 *
 * The steps are Pillow's resize, torchvision's centre crop (or padding), then (level * scale - mean) / std. A
 * plain value, free of libtorch and files: src/weights reads it beside the weights, transform.h applies it.
 */
#ifndef PROMPT_IMAGE_PREPROCESS_H
#define PROMPT_IMAGE_PREPROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "prompt/base/digest.h"
#include "prompt/base/error.h"
#include "prompt/base/str.h"

/** Pillow's filters, all with antialiasing. */
enum interpolation {
    INTERPOLATION_BICUBIC,
    INTERPOLATION_BILINEAR,
    INTERPOLATION_LANCZOS,
    INTERPOLATION_BOX,
    INTERPOLATION_HAMMING,
};
extern const char *const interpolation_names[]; /* ends with NULL */

/** Which sides become resize_px. */
enum resize_mode {
    RESIZE_SHORTEST, /* the shorter; the longer keeps the ratio */
    RESIZE_LONGEST,  /* the longer; the rest is padded */
    RESIZE_SQUASH,   /* both */
    RESIZE_NONE,     /* neither: only the crop */
};
extern const char *const resize_mode_names[]; /* ends with NULL */

struct preprocess {
    int64_t image_px;                 /* side of the model's input, after the centre crop */
    int64_t resize_px;                /* image_px, unless the crop is smaller than the resized picture */
    enum interpolation interpolation; /* also used by the training's random crop */
    enum resize_mode resize_mode;
    int64_t fill[3];        /* levels of the padding */
    double mean[3], std[3]; /* of level * scale, for red, green, blue */
    double scale;           /* 1/255 */
};

/** OpenAI's: the shorter side to image_px, bicubic, CLIP's mean and standard deviation. */
struct preprocess preprocess_default(int64_t image_px);

/**
 * Appends one line in a fixed form: "shortest, bicubic, mean 0.5 0.5 0.5, std ...". It names fill, scale and
 * resize_px only if they differ from OpenAI's. It omits image_px, which the weights determine, so models of
 * different sizes with the same preprocessing have the same line.
 */
void preprocess_describe(struct str *out, const struct preprocess *p);

/** SHA-256 of that line. */
int preprocess_digest(char hex[DIGEST_HEX_SIZE], const struct preprocess *p);

/** Three finite numbers, "0.5,0.4,0.3" (commas or spaces), or one for all channels; else `otherwise`. */
int preprocess_parse_channels(double out[3], const char *text, enum status otherwise);
/** The interpolation of a name; for an unknown name, `otherwise` with a list of the names. */
int preprocess_parse_interpolation(enum interpolation *out, const char *name, enum status otherwise);
int preprocess_parse_resize_mode(enum resize_mode *out, const char *name, enum status otherwise);

/** ERR_FORMAT for a value out of range: std must be positive, sizes and fill within their limits. */
int preprocess_check(const struct preprocess *p);

#endif
