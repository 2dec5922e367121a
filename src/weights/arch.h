/** Named architectures. */
#ifndef PROMPT_SRC_WEIGHTS_ARCH_H
#define PROMPT_SRC_WEIGHTS_ARCH_H

#include "prompt/weights/dims.h"

/** The sizes of a named architecture; ERR_USAGE lists the known names. */
int weights_arch_dims(struct clip_dims *out, const char *name);

#endif
