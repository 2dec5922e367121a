/** Whole pictures: grounds behind objects, landscapes, land from above. */
#ifndef PROMPT_SRC_WORLD_GROUND_H
#define PROMPT_SRC_WORLD_GROUND_H

#include "axes.h"
#include "canvas.h"

/** The ground behind an object. */
void ground_draw(struct canvas *c, enum setting setting, struct rng *r);
/** Fills the picture with a pattern in two colours. */
void texture_draw(struct canvas *c, int pattern, struct rgb a, struct rgb b, struct rng *r);
/** A landscape in some weather. */
void landscape_draw(struct canvas *c, enum landscape place, enum weather weather, struct rng *r);
/** Land from above with something on it. */
void land_draw(struct canvas *c, enum land land, enum feature feature, struct rng *r);

#endif
