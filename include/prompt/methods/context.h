/** Learned context vectors instead of a template's words: of CoOp and CoCoOp, and of IVLP and MaPLe, whose
 * deeper text layers have vectors of their own. */
#ifndef PROMPT_METHODS_CONTEXT_H
#define PROMPT_METHODS_CONTEXT_H

#include "prompt/methods/parts.h"

/**
 * Adds the trained tensor "context": [n,d_l], or [K,n,d_l] with a set of vectors for each training class.
 * They start as the words "a photo of a" (n = 4), or as N(0, 0.02^2).
 */
int context_create(struct method *m, const struct method_init *init);

/**
 * The same for a context whose words beyond n stay fixed after the vectors (n <= 4), and with
 * "text_prompts", [J-1,n,d_l], N(0, 0.02^2), for layers 2..J = context.depth, if J > 1. ERR_USAGE if J > L.
 */
int context_create_deep(struct method *m, const struct method_init *init);
/** [start, n vectors, the words that stay, name]. */
struct text_form context_deep_text_form(const struct method_options *o);
/** Z, [1,K,d], of a deep context. */
tensor *context_encode_deep(scope *s, const struct method *m, struct tape *tape,
                            const struct class_texts *classes);

/** [start, n vectors, name]; with the name in the middle [start, n/2 vectors, name, the others, "."]. */
struct text_form context_text_form(const struct method_options *o);

#endif
