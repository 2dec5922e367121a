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

#include <stdbool.h>
#include <stdint.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"
#include "prompt/world/limits.h"

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

/* ---------------------------------------------------------------- data sets */

/** Worlds of data sets: other pairs of words, other pictures. */
enum world_kind {
    WORLD_TEST, /* what is reported */
    WORLD_DEV,  /* where rates and other choices are made: cameras of its own, too */
    WORLD_SEEN, /* beside the test: the same cameras, but pairs of words that pre-training has */
};
extern const char *const world_kind_names[4]; /* "test", "dev", "seen", NULL */

struct world_options {
    enum world_kind kind;
    uint64_t seed;
    int64_t px;
    int64_t n_per_class; /* training and test pictures of a class each; val has a quarter of it */
};

/**
 * The data sets of a world: small copies of the layouts of the fifteen real ones, by the names that --dataset
 * has for them, each with a family of concepts of its own, and "folder", plain folders of pictures. Ends with
 * NULL.
 */
const char *const *world_set_names(void);

/**
 * Draws data sets below `dir`, which must not exist, or, with `replace`, be a world itself. Everything is
 * written beside it and renamed at the end, so after a full disk or a kill nothing stands in its place. A
 * file WORLD_MARKER in it names the world; readers then know that counts differ from the real sets by design.
 * "folder" lies in dir itself and takes no other set beside it.
 * @param wanted  one for each of world_set_names
 * @param stop    asked between data sets; may be NULL
 * @return OK; ERR_USAGE for a `dir` that is there, or odd options; ERR_IO; ERR_MEMORY; ERR_INTERRUPTED
 */
int world_write(const char *dir, const bool *wanted, const struct world_options *options, bool replace,
                bool (*stop)(void));
#define WORLD_MARKER "SYNTHETIC"

/** One picture (PNG): a row of `n_columns` test pictures for each wanted data set, one class after another,
 * and first a row of the pre-training stream. `path` must not exist, or, with `replace`, stays until the new
 * picture is whole. */
int world_write_sheet(const char *path, const bool *wanted, const struct world_options *options,
                      int64_t n_columns, bool replace);

#endif
