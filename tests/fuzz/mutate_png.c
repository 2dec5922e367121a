/*
 * Mutates a PNG file for libFuzzer: corrects the sums of the chunks afterwards, and half of the time changes
 * the packed samples, so that fuzzing reaches more than the checks.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz.h"

enum { SIGNATURE = 8, HEAD = 8, SUM = 4, MAX_SAMPLES = 1 << 15 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t capacity, unsigned seed);

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The chunk at `at`: its bytes with head and sum, 0 if it does not fit into the file. */
static size_t chunk_size(const uint8_t *data, size_t n, size_t at)
{
    if (at > n || n - at < HEAD + SUM || get_u32(data + at) > n - at - HEAD - SUM)
        return 0;
    return get_u32(data + at) + HEAD + SUM;
}

static void mend_sum(uint8_t *chunk)
{
    const uint32_t n = get_u32(chunk);
    put_u32(chunk + HEAD + n, (uint32_t)crc32(0, chunk + 4, 4 + n));
}

static void mend_sums(uint8_t *data, size_t n)
{
    for (size_t at = SIGNATURE, size = 0; (size = chunk_size(data, n, at)) > 0; at += size)
        mend_sum(data + at);
}

/* The first chunk of samples; false if there is none. */
static bool find_samples(size_t *at, const uint8_t *data, size_t n)
{
    size_t size = 0;
    for (*at = SIGNATURE; (size = chunk_size(data, n, *at)) > 0; *at += size)
        if (memcmp(data + *at + 4, "IDAT", 4) == 0)
            return true;
    return false;
}

/* Unpacks the first chunk of samples, changes them, and packs them again. Returns the file's new size, 0 if
 * impossible. */
static size_t change_samples(uint8_t *data, size_t n, size_t capacity, uint8_t *samples)
{
    size_t at = 0;
    uLongf n_samples = MAX_SAMPLES;
    if (!find_samples(&at, data, n) ||
        uncompress(samples, &n_samples, data + at + HEAD, get_u32(data + at)) != Z_OK)
        return 0;
    n_samples = LLVMFuzzerMutate(samples, n_samples, MAX_SAMPLES);
    uLongf n_packed = compressBound(n_samples);
    uint8_t *packed = malloc(n_packed);
    const size_t behind = at + chunk_size(data, n, at), n_behind = n - behind;
    size_t n_new = 0;
    if (packed && compress(packed, &n_packed, samples, n_samples) == Z_OK &&
        at + HEAD + n_packed + SUM + n_behind <= capacity) {
        memmove(data + at + HEAD + n_packed + SUM, data + behind, n_behind);
        memcpy(data + at + HEAD, packed, n_packed);
        put_u32(data + at, (uint32_t)n_packed);
        mend_sum(data + at);
        n_new = at + HEAD + n_packed + SUM + n_behind;
    }
    free(packed);
    return n_new;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t capacity, unsigned seed)
{
    uint8_t *samples = seed % 2 ? malloc(MAX_SAMPLES) : NULL;
    const size_t n_new = samples ? change_samples(data, n, capacity, samples) : 0;
    free(samples);
    if (n_new > 0)
        return n_new;
    n = LLVMFuzzerMutate(data, n, capacity);
    if (seed % 16 != 0)
        mend_sums(data, n);
    return n;
}
