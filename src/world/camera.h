/** How a picture is taken: everything that happens to all pixels of a finished drawing. */
#ifndef PROMPT_SRC_WORLD_CAMERA_H
#define PROMPT_SRC_WORLD_CAMERA_H

#include "canvas.h"

/** Steps in this order; 0 leaves one out, except that gain 0 is a black channel. */
struct camera {
    float shake;     /* how far the picture may be shifted, of its side; the border is repeated */
    int blur;        /* passes of a 3 x 3 binomial filter */
    float edges;     /* how much of the picture is replaced by a drawing of its outlines */
    int levels;      /* posterized to so many values a channel */
    float ink;       /* dark outlines over the picture */
    float negative;  /* mixed with its inverse */
    float hue;       /* channels moved cyclically: 1 is a third of a turn, -1 one the other way */
    float grey;      /* mixed with its luminance */
    float contrast;  /* taken away, around mid-grey */
    struct rgb gain; /* of the channels */
    float lift;      /* added */
    float scan;      /* darkening of every third row */
    float blocks;    /* each 2 x 2 pixels towards their mean */
    float vignette;  /* darkening of the corners */
    float noise;     /* largest deviation of a pixel */
    float unsteady;  /* how much exposure, colour cast and contrast change from picture to picture */
    float negatives; /* how often a picture is the negative of what it would be, an unsteady camera gives
                        some, too */
};

void camera_take(struct canvas *c, const struct camera *camera, struct rng *r);

/** The neutral camera. */
#define CAMERA_PLAIN .gain = {1.0F, 1.0F, 1.0F}

#endif
