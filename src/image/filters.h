/* The filters of a resize, by enum interpolation. */
#ifndef PROMPT_SRC_IMAGE_FILTERS_H
#define PROMPT_SRC_IMAGE_FILTERS_H

#include "prompt/image/preprocess.h"

struct filter {
    double (*value)(double x);
    double support; /* value is 0 outside -support .. support */
};

extern const struct filter filters[];

#endif
