/** How a picture is taken: the effects on all pixels of a finished drawing. */
#ifndef PROMPT_SRC_WORLD_CAMERA_H
#define PROMPT_SRC_WORLD_CAMERA_H

#include "canvas.h"

/** Steps in this order; 0 skips a step, except that gain 0 is a black channel. */
struct camera {
    float shake;     /* largest shift as a fraction of the side; repeats the border */
    int blur;        /* passes of a 3 x 3 binomial filter */
    float edges;     /* fraction replaced by a drawing of the outlines */
    int levels;      /* posterized to so many values per channel */
    float ink;       /* dark outlines over the picture */
    float negative;  /* mixed with its inverse */
    float hue;       /* channels moved cyclically: 1 is a third of a turn, -1 one the other way */
    float grey;      /* mixed with its luminance */
    float contrast;  /* removed, around mid-grey */
    struct rgb gain; /* of the channels */
    float lift;      /* added */
    float scan;      /* darkening of every third row */
    float blocks;    /* each 2 x 2 pixels towards their mean */
    float vignette;  /* darkening of the corners */
    float noise;     /* largest deviation of a pixel */
    float unsteady;  /* variation of exposure, colour cast and contrast between pictures */
    float negatives; /* fraction of negatives; an unsteady camera adds some */
};

void camera_take(struct canvas *c, const struct camera *camera, struct rng *r);

/** The neutral camera. */
#define CAMERA_PLAIN .gain = {1.0F, 1.0F, 1.0F}

#endif
