/**
 * A world of drawn pictures, to train and test everything without real weights or data.
 *
 * A picture shows one subject, named by two words from different axes ("striped" and "heart", "snowy" and
 * "village"). Some pairs of words never occur in the pre-training stream; these pairs are the classes of the
 * data sets, so a class is a new combination of known words.
 *
 * Every pixel and word depends only on the seed and the index. Pictures are computed in single precision with
 * + - * / and square roots, which IEEE 754 defines to the last bit, and without contraction, so they are the
 * same on every machine.
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
 * @param caption  replaced; at most 24 words
 * @param index    below 2^56
 * @return OK; ERR_USAGE if px is outside [WORLD_PX_MIN, WORLD_PX_MAX]; ERR_MEMORY
 */
int world_sample(uint8_t *rgb, struct str *caption, uint64_t seed, uint64_t index, int64_t px);

/** Every word and mark of captions, templates and class names, once each, in bytewise order; borrowed, ends
 * with NULL. Digits are separate, as CLIP's tokenizer cuts them. */
const char *const *world_words(void);

/* ---------------------------------------------------------------- data sets */

/** Worlds of data sets, with different pairs of words and different pictures. */
enum world_kind {
    WORLD_TEST, /* for reported results */
    WORLD_DEV,  /* for choosing rates and the like; has its own cameras, too */
    WORLD_SEEN, /* a control for the test: the same cameras, but pairs of words seen in pre-training */
};
extern const char *const world_kind_names[4]; /* "test", "dev", "seen", NULL */

struct world_options {
    enum world_kind kind;
    uint64_t seed;
    int64_t px;
    int64_t n_per_class; /* training and test pictures per class; val has a quarter as many */
};

/**
 * The data sets of a world, by their names in --dataset: small copies of the layouts of the fifteen real
 * sets, each with its own family of concepts, and "folder", plain folders of pictures. Borrowed; ends with
 * NULL.
 */
const char *const *world_set_names(void);

/**
 * Draws data sets below `dir`, which must not exist or, with `replace`, must be a world. Writes beside it and
 * renames at the end, so a full disk or a kill leaves nothing in its place. The file WORLD_MARKER names the
 * world and tells readers that counts differ from the real sets by design. "folder" is written to `dir`
 * itself and excludes any other set.
 * @param wanted  one flag for each of world_set_names
 * @param stop    asked between data sets; may be NULL
 * @return OK; ERR_USAGE if `dir` exists, or for invalid options; ERR_IO; ERR_MEMORY; ERR_INTERRUPTED
 */
int world_write(const char *dir, const bool *wanted, const struct world_options *options, bool replace,
                bool (*stop)(void));
#define WORLD_MARKER "SYNTHETIC"

/** One PNG: a row of pictures of the pre-training stream, then a row of `n_columns` test pictures for each
 * wanted data set, one class after another. `path` must not exist or, with `replace`, stays until the new
 * picture is complete. */
int world_write_sheet(const char *path, const bool *wanted, const struct world_options *options,
                      int64_t n_columns, bool replace);

#endif
