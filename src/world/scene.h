/**
 * A scene: the contents of a picture as values on the axes, and its drawing.
 */
#ifndef PROMPT_SRC_WORLD_SCENE_H
#define PROMPT_SRC_WORLD_SCENE_H

#include "axes.h"
#include "camera.h"
#include "canvas.h"
#include "prompt/base/str.h"

/** Streams of random numbers (the `epoch` of RNG_WORLD); the values are a contract. Each data set adds
 * one. */
enum stream { STREAM_PICTURE, STREAM_CAPTION, STREAM_SETS };

/** Kinds of pictures. */
enum subject {
    SUBJECT_EMBLEM,    /* an emblem, perhaps patterned, on a ground */
    SUBJECT_BADGE,     /* something that shows an emblem */
    SUBJECT_ANIMAL,    /* with a coat */
    SUBJECT_VEHICLE,   /* in a colour */
    SUBJECT_FLOWER,    /* in a colour */
    SUBJECT_FOOD,      /* of a flavour */
    SUBJECT_PLANE,     /* of a series */
    SUBJECT_LANDSCAPE, /* in some weather */
    SUBJECT_TEXTURE,   /* a pattern in a colour, and nothing else */
    SUBJECT_LAND,      /* from above, with a feature */
    SUBJECT_ACTION,    /* of a stick figure with a prop */
    N_SUBJECTS,
};

/** The two axes that name a subject, first word first. */
struct subject_axes {
    enum axis first, second;
};
extern const struct subject_axes subject_axes[N_SUBJECTS];

/** How a picture differs from a plain one, apart from the camera. */
struct difficulty {
    float clutter; /* 0: no other objects; 1: as in pre-training; above: more and larger ones */
    float scale;   /* of the object; 1: as in pre-training */
};

struct scene {
    enum subject subject;
    struct traits traits;
    struct difficulty difficulty;
    bool is_small; /* the object is drawn small; captions may say so */
};

/** Gives a value to every axis that the subject needs and that is still -1. Adds optional traits (the pattern
 * of an emblem, the colour of a holder) at random. */
void scene_complete(struct scene *s, struct rng *r);

/** A scene without values. */
struct scene scene_of(enum subject subject);

/** Draws the scene and takes the picture. */
void scene_draw(struct canvas *c, const struct scene *s, const struct camera *camera, struct rng *r);

/* ---------------------------------------------------------------- pre-training */

/** Scene, camera and caption of one sample. `style` names the camera. */
struct sample {
    struct scene scene;
    int style;
};

/** The scene of sample `index`; holds no held-out pair. */
void sample_draw(struct sample *out, struct rng *r);
/** Writes the sample's caption, which holds no held-out pair either. */
void caption_write(struct str *out, const struct sample *s, struct rng *r);

/** A style of pre-training pictures: a camera and its word in captions. */
struct style {
    const char *word; /* NULL ends the table; "photo" is the first and plain one */
    struct camera camera;
};
extern const struct style styles[];

#endif
