/**
 * Batches of normalized images, decoded by worker threads ahead of the model.
 *
 * What a batch holds depends on (seed, epoch, item) alone: not on the number of threads, the cache, or what
 * was read before. No torch in here: batches are plain arrays.
 */
#ifndef PROMPT_DATA_LOADER_H
#define PROMPT_DATA_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/data/input.h"
#include "prompt/data/item_list.h"

struct loader_options {
    struct input_options input;
    int64_t batch_size;
    bool shuffle;         /* a new order each epoch, from (input.seed, epoch) */
    bool drop_last;       /* drop an incomplete last batch unless it is the only one */
    bool skip_bad_images; /* count an unreadable image and leave it out, instead of stopping */
    int64_t n_workers;    /* decoding threads, >= 1 */
    size_t cache_bytes;   /* decoded images are kept, first come, until one would not fit in this; 0: none */
};

/** One batch; its arrays belong to the loader and are valid until the next call. */
struct batch {
    int64_t n;             /* images in it; 0 at the end of the epoch */
    int64_t index;         /* its number in the epoch, from 0; a resume after it starts at index + 1 */
    const float *pixels;   /* [n, 3, image_px, image_px], image_px of input.preprocess */
    const int64_t *labels; /* [n] */
    const size_t *items;   /* [n], indices into the item list */
    double wait_s;         /* how long the model waited for it */
};

struct loader;

/**
 * @param items      borrowed; must outlive the loader; empty is ERR_USAGE
 * @param image_dir  folder that the items' paths are relative to
 */
int loader_open(struct loader **out, const struct item_list *items, const char *image_dir,
                const struct loader_options *options);
void loader_close(struct loader *loader);

/** Bytes of the batches that are ready or in work, decoded images aside. */
size_t loader_batch_bytes(const struct loader *loader);
/** Lowers options.cache_bytes; to be called before the first loader_start. */
void loader_limit_cache(struct loader *loader, size_t cache_bytes);

/** Steps of an epoch; at least 1. Skipped images make batches smaller; one with no image left is passed over.
 */
int64_t loader_n_batches(const struct loader *loader);

/**
 * Begins epoch `epoch` (from 0) at batch `first_batch` (from 0; for a resume inside an epoch). May be called
 * at any time, also in the middle of an epoch; what was decoded ahead is dropped.
 */
int loader_start(struct loader *loader, int64_t epoch, int64_t first_batch);

/**
 * The next batch; out->n == 0 at the end. ERR_IO or ERR_FORMAT names the image that cannot be read, the same
 * one on every call until loader_start; with skip_bad_images, only an epoch of which no image can be read is
 * an error.
 */
int loader_next(struct batch *out, struct loader *loader);

/** Unreadable images left out so far (each counted once), and the message of the first ("" if none was). */
size_t loader_n_skipped(const struct loader *loader);
const char *loader_first_skipped(const struct loader *loader);

/** Images that are damaged and were read all the same (struct image's `damage`; each counted once), and path
 * and damage of the first ("" if there is none). */
size_t loader_n_damaged(const struct loader *loader);
const char *loader_first_damaged(const struct loader *loader);

#endif
