/**
 * A world of drawn pictures, so that everything can be trained and tested without real weights or data.
 *
 * A picture shows one subject whose name is made of two words, each from an axis of its own ("striped" and
 * "heart", "snowy" and "village"). Certain pairs of words never occur in the pre-training stream; the classes
 * of the data sets are those pairs, so that a class is a new combination of known words.
 *
 * Every pixel and word depends on the seed and the index alone. The pictures are computed in single precision
 * with + - * / and square roots, which IEEE 754 defines to the last bit, and without contraction, so they are
 * the same on every machine.
 */
#ifndef PROMPT_WORLD_WORLD_H
#define PROMPT_WORLD_WORLD_H

#include <stdint.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

enum { WORLD_PX_MIN = 16, WORLD_PX_MAX = 512 };

/**
 * Picture and caption `index` of the pre-training stream of `seed`: the same on every machine, in any order,
 * from any thread.
 * @param rgb      [px, px, 3]
 * @param caption  its text is replaced; at most 24 words
 * @param index    below 2^56
 * @return OK; ERR_USAGE if px lies outside [WORLD_PX_MIN, WORLD_PX_MAX]; ERR_MEMORY
 */
int world_sample(uint8_t *rgb, struct str *caption, uint64_t seed, uint64_t index, int64_t px);

/** Every word and mark that captions, templates and class names use, once each, in bytewise order; ends with
 * NULL. Digits stand alone, as CLIP's tokenizer cuts them. */
const char *const *world_words(void);

#endif
