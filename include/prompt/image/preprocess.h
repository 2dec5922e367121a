/**
 * How a picture becomes a model's input: a part of the model, as its files say, and a plain value.
 *
 * The steps are Pillow's resize, torchvision's centre crop (or padding), then (level * scale - mean) / std.
 * No libtorch, no files: the layer clip reads it beside the weights, the layer data follows it (transform.h).
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
    RESIZE_SHORTEST, /* the shorter one; the longer keeps the ratio */
    RESIZE_LONGEST,  /* the longer one; what then lacks is filled */
    RESIZE_SQUASH,   /* both */
    RESIZE_NONE,     /* none: the crop alone */
};
extern const char *const resize_mode_names[]; /* ends with NULL */

struct preprocess {
    int64_t image_px;                 /* side of the model's input, which the centre crop leaves */
    int64_t resize_px;                /* image_px, unless the crop is of a larger picture */
    enum interpolation interpolation; /* of the training's random crop, too */
    enum resize_mode resize_mode;
    int64_t fill[3];        /* levels of what is padded */
    double mean[3], std[3]; /* of red, green, blue; of level * scale */
    double scale;           /* 1/255 */
};

/** OpenAI's: the shorter side to image_px, bicubic, their mean and standard deviation. */
struct preprocess preprocess_default(int64_t image_px);

/**
 * One line in a fixed form, appended: "shortest, bicubic, mean 0.5 0.5 0.5, std ...". What has OpenAI's value
 * and seldom another (fill, scale, a crop of a larger picture) is named only where it differs, and image_px
 * is not, since the weights fix it: two models of other sizes and the same preprocessing have the same line.
 */
void preprocess_describe(struct str *out, const struct preprocess *p);

/** SHA-256 of that line. */
int preprocess_digest(char hex[DIGEST_HEX_SIZE], const struct preprocess *p);

/** Three numbers, "0.5,0.4,0.3" (commas or spaces), or one for all channels; finite. Else `otherwise`. */
int preprocess_parse_channels(double out[3], const char *text, enum status otherwise);
/** `otherwise` with a list of the names if it is none of them. */
int preprocess_parse_interpolation(enum interpolation *out, const char *name, enum status otherwise);
int preprocess_parse_resize_mode(enum resize_mode *out, const char *name, enum status otherwise);

/** ERR_FORMAT if a value is outside what can be computed: std above 0, sizes and fill in their range. */
int preprocess_check(const struct preprocess *p);

#endif
