/** The outlines of the world's objects, in the order of the words in axes.c. */
#ifndef PROMPT_SRC_WORLD_SHAPES_H
#define PROMPT_SRC_WORLD_SHAPES_H

#include "axes.h"
#include "canvas.h"

/** Static: the shape of a value on an axis of objects (emblem, holder, animal, ..., prop). */
const struct shape *shape_of(enum axis axis, int value);

/** Where a holder shows its emblem: position and half-size in the holder's coordinates. */
struct spot {
    float x, y, scale;
};
struct spot holder_spot(int holder);

#endif
