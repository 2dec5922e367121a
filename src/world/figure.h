/** The stick figure of an action. */
#ifndef PROMPT_SRC_WORLD_FIGURE_H
#define PROMPT_SRC_WORLD_FIGURE_H

#include "canvas.h"

/** A stick figure in an action with a prop, drawn into the frame. */
void figure_draw(struct canvas *c, int action, int prop, const struct frame *f, struct rng *r);

#endif
