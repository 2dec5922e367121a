/* The precision of a session, from the key and the device. */
#ifndef PROMPT_SRC_RUN_PRECISION_H
#define PROMPT_SRC_RUN_PRECISION_H

#include "prompt/run/session.h"

/**
 * Resolves the keys `precision` and `products` of the session's configuration, which then hold what was found,
 * and s->precision. Measures products only where they are to be chosen, and then prints a line about it.
 * @return OK; ERR_USAGE if the device cannot compute so; ERR_TORCH; ERR_MEMORY
 */
int precision_resolve(struct session *s);
/** The model's dtypes under the resolved keys. */
struct clip_dtypes precision_dtypes(const struct config *c);

#endif
