/** Empty weights. */
#ifndef PROMPT_SRC_WEIGHTS_CREATE_H
#define PROMPT_SRC_WEIGHTS_CREATE_H

#include "prompt/weights/weights.h"

/** Empty weights with a scope of their own; weights_close frees them. */
int weights_create(struct weights **out, scope *parent);

#endif
