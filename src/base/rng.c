/*
 * The two generators of rng.h.
 *
 * MT19937 and its seeding by an array are Matsumoto and Nishimura's (ACM TOMACS 8, 1998; the 2002 seeding),
 * used as CPython's `random` uses them; `random.sample` as CPython has it since 3.2. Philox-4x32-10 is
 * Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
 *
 * The layout of a Philox stream is a contract: recorded runs depend on it.
 *
 *   key[0]      low 32 bits of the seed             counter[0]  number of the block of four outputs, from 0
 *   key[1]      high 32 bits of the seed            counter[1]  low 32 bits of the item
 *                                                   counter[2]  epoch (32 bits)
 *                                                   counter[3]  purpose << 24 | bits 32..55 of the item
 *
 * The four outputs of a block are used in order. A uniform takes two outputs, the high part first; rng_below
 * takes two for each try, the high word first; rng_normal takes two uniforms.
 */
#include "prompt/base/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "prompt/base/error.h"

/* ---------------------------------------------------------------- MT19937 */

enum { MT_N = 624, MT_M = 397 };

static void mt_seed_word(struct python_random *r, uint32_t seed)
{
    r->state[0] = seed;
    for (uint32_t i = 1; i < MT_N; i++) {
        uint32_t previous = r->state[i - 1];
        r->state[i] = 1812433253U * (previous ^ (previous >> 30)) + i;
    }
}

/* init_by_array with a key of one word: the key index is always 0, so only the word itself is added. */
void python_random_seed(struct python_random *r, uint32_t seed)
{
    mt_seed_word(r, 19650218U);
    uint32_t *mt = r->state;
    size_t i = 1;
    for (size_t step = 0; step < MT_N; step++) {
        mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1664525U)) + seed;
        if (++i == MT_N) {
            mt[0] = mt[MT_N - 1];
            i = 1;
        }
    }
    for (size_t step = 0; step < MT_N - 1; step++) {
        mt[i] = (mt[i] ^ ((mt[i - 1] ^ (mt[i - 1] >> 30)) * 1566083941U)) - (uint32_t)i;
        if (++i == MT_N) {
            mt[0] = mt[MT_N - 1];
            i = 1;
        }
    }
    mt[0] = 0x80000000U;
    r->next = MT_N;
}

static void mt_refill(struct python_random *r)
{
    uint32_t *mt = r->state;
    for (size_t i = 0; i < MT_N; i++) {
        uint32_t y = (mt[i] & 0x80000000U) | (mt[(i + 1) % MT_N] & 0x7fffffffU);
        mt[i] = mt[(i + MT_M) % MT_N] ^ (y >> 1) ^ ((y & 1U) ? 0x9908b0dfU : 0U);
    }
    r->next = 0;
}

uint32_t python_random_u32(struct python_random *r)
{
    if (r->next >= MT_N)
        mt_refill(r);
    uint32_t y = r->state[r->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680U;
    y ^= (y << 15) & 0xefc60000U;
    return y ^ (y >> 18);
}

/* random._randbelow for 1 <= n < 2^32: as many leading bits as n has, drawn again until below n. */
static size_t python_random_below(struct python_random *r, size_t n)
{
    unsigned n_bits = 0;
    for (size_t rest = n; rest > 0; rest >>= 1)
        n_bits++;
    size_t drawn = 0;
    do {
        drawn = python_random_u32(r) >> (32 - n_bits);
    } while (drawn >= n);
    return drawn;
}

/* The largest n for which CPython samples from a copied pool; above it, it remembers the taken indices. */
static size_t python_random_pool_limit(size_t k)
{
    size_t limit = 21;
    if (k > 5) {
        size_t power = 1; /* 4^ceil(log4(3k)); 3k is never itself a power of 4 */
        while (power < 3 * k)
            power *= 4;
        limit += power;
    }
    return limit;
}

static int sample_from_pool(size_t *out, struct python_random *r, size_t n, size_t k)
{
    size_t *pool = malloc((n ? n : 1) * sizeof *pool);
    if (!pool)
        return error_out_of_memory();
    for (size_t i = 0; i < n; i++)
        pool[i] = i;
    for (size_t i = 0; i < k; i++) {
        size_t j = python_random_below(r, n - i);
        out[i] = pool[j];
        pool[j] = pool[n - i - 1];
    }
    free(pool);
    return OK;
}

static int sample_by_rejection(size_t *out, struct python_random *r, size_t n, size_t k)
{
    bool *is_taken = calloc(n, sizeof *is_taken);
    if (!is_taken)
        return error_out_of_memory();
    for (size_t i = 0; i < k; i++) {
        size_t j = 0;
        do {
            j = python_random_below(r, n);
        } while (is_taken[j]);
        is_taken[j] = true;
        out[i] = j;
    }
    free(is_taken);
    return OK;
}

int python_random_sample(size_t *out, struct python_random *r, size_t n, size_t k)
{
    if (k > n || n > UINT32_MAX)
        return error_set(ERR_USAGE, "cannot draw %zu of %zu without repetition", k, n);
    return n <= python_random_pool_limit(k) ? sample_from_pool(out, r, n, k)
                                            : sample_by_rejection(out, r, n, k);
}

/* ---------------------------------------------------------------- Philox-4x32-10 */

enum { PHILOX_ROUNDS = 10 };

static void philox_block(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53U * c[0];
        uint64_t product1 = (uint64_t)0xCD9E8D57U * c[2];
        c[0] = (uint32_t)(product1 >> 32) ^ c[1] ^ k[0];
        c[1] = (uint32_t)product1;
        c[2] = (uint32_t)(product0 >> 32) ^ c[3] ^ k[1];
        c[3] = (uint32_t)product0;
        k[0] += 0x9E3779B9U; /* golden ratio */
        k[1] += 0xBB67AE85U; /* sqrt(3) - 1 */
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

void rng_init(struct rng *r, uint64_t seed, enum rng_purpose purpose, uint64_t epoch, uint64_t item)
{
    *r = (struct rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, (uint32_t)item, (uint32_t)epoch,
                    (uint32_t)purpose << 24 | ((uint32_t)(item >> 32) & 0xffffffU)},
        .used = 4,
    };
}

uint32_t rng_u32(struct rng *r)
{
    if (r->used >= 4) {
        philox_block(r->block, r->counter, r->key);
        r->counter[0]++;
        r->used = 0;
    }
    return r->block[r->used++];
}

static uint64_t rng_u64(struct rng *r)
{
    uint64_t high = rng_u32(r);
    return high << 32 | rng_u32(r);
}

double rng_uniform(struct rng *r)
{
    return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    const uint64_t n_rejected =
        (UINT64_MAX - n + 1) % n; /* 2^64 mod n, which makes all remainders equally likely */
    uint64_t drawn = 0;
    do {
        drawn = rng_u64(r);
    } while (drawn < n_rejected);
    return drawn % n;
}

double rng_normal(struct rng *r)
{
    const double two_pi = 6.283185307179586476925;
    double radius = sqrt(-2.0 * log(1.0 - rng_uniform(r))); /* 1 - u is never 0 */
    return radius * cos(two_pi * rng_uniform(r));
}

void rng_shuffle(struct rng *r, size_t *indices, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rng_below(r, i);
        size_t swapped = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = swapped;
    }
}
