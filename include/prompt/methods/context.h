/** Learned context vectors instead of a template's words, shared by CoOp and CoCoOp. */
#ifndef PROMPT_METHODS_CONTEXT_H
#define PROMPT_METHODS_CONTEXT_H

#include "prompt/methods/parts.h"

/**
 * Adds the trained tensor "context": [n,d_l], or [K,n,d_l] with a set of vectors for each training class.
 * They start as the words "a photo of a" (n = 4), or as N(0, 0.02^2).
 */
int context_create(struct method *m, const struct method_init *init);

/** [start, n vectors, name]; with the name in the middle [start, n/2 vectors, name, the others, "."]. */
struct text_form context_text_form(const struct method_options *o);

#endif
