/**
 * The two random generators of the program.
 *
 * 1. Python's: MT19937 with `random.seed(int)` and `random.sample`, because the field's few-shot lists are
 *    drawn with it (see data/dataset.h). Used for nothing else.
 * 2. Counter-based: Philox-4x32-10 (Salmon et al., SC 2011). A number depends on (seed, purpose, epoch, item,
 *    draw) alone, not on how many numbers were drawn elsewhere, so neither threads nor a resume change it.
 */
#ifndef PROMPT_BASE_RNG_H
#define PROMPT_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- Python's random */

struct python_random {
    uint32_t state[624];
    size_t next;
};

/** As random.seed(seed) for 0 <= seed < 2^32: init_by_array with the one-word key {seed}. */
void python_random_seed(struct python_random *r, uint32_t seed);
/** The next 32-bit output. */
uint32_t python_random_u32(struct python_random *r);
/** As random.sample(range(n), k): k distinct indices below n < 2^32 in drawing order. ERR_USAGE if k > n;
 * ERR_MEMORY. */
int python_random_sample(size_t *out, struct python_random *r, size_t n, size_t k);

/* ---------------------------------------------------------------- counter-based */

/** The purpose of a random number, part of its stream's name, so that purposes never share numbers. The
 * values are a contract. */
enum rng_purpose {
    RNG_INIT = 1,       /* initial values of trained tensors; item = index of the tensor */
    RNG_ORDER = 2,      /* order of the training items in an epoch */
    RNG_AUGMENT = 3,    /* crop and flip of one item in one epoch */
    RNG_MODEL_INIT = 4, /* `prompt model init`; item = index of the tensor */
    RNG_SPLIT = 5,      /* lists of own data; item = label */
    RNG_WORLD = 6,      /* pictures and captions of world/; epoch = the use, item = index of the picture */
    RNG_PATCHES = 7,    /* patches kept of a pre-training picture; epoch = step, item = row of the batch */
    RNG_DROPOUT = 8, /* masks of dropout; epoch = step, item names layer, product and row (torch/fused.h) */
};

/** A stream of numbers; cheap to make, so make one where it is needed. */
struct rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned used; /* of block */
};

/**
 * The stream of (seed, purpose, epoch, item), for epoch < 2^32 and item < 2^56; 2^34 outputs long. Every
 * 64-bit seed, even 0, gives other numbers. rng.c describes the layout of key and counter, which is a
 * contract.
 */
void rng_init(struct rng *r, uint64_t seed, enum rng_purpose purpose, uint64_t epoch, uint64_t item);
uint32_t rng_u32(struct rng *r);
/** Uniform in [0, 1) with 53 bits. */
double rng_uniform(struct rng *r);
/** Uniform integer below n, without bias. n must not be 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/** Standard normal (Box-Muller in double). */
double rng_normal(struct rng *r);
/** Fisher-Yates over indices. */
void rng_shuffle(struct rng *r, size_t *indices, size_t n);

#ifdef __cplusplus
}
#endif

#endif
