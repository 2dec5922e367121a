/**
 * Batches of normalized images, decoded by worker threads ahead of the model.
 *
 * The contents of a batch depend only on (seed, epoch, item): not on the number of threads, the cache, or
 * earlier reads. Free of libtorch: batches are plain arrays.
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
    /* of several processes that read one list together; n_parts 0 or 1: one reads all of it */
    int64_t part, n_parts;
    bool deals_batches; /* the part has every n_parts-th batch; else its share (share_of) of each */
    /* called by loader_next, in the order of the epoch, for each image that skip_bad_images leaves out, once,
     * with its index in the list and why it cannot be read; NULL: not called */
    void (*on_skipped)(void *context, size_t item, const char *message);
    void *context; /* of on_skipped, borrowed */
};

/** One batch; its arrays are borrowed from the loader, valid until the next call. */
struct batch {
    int64_t n;       /* images in it; 0 at the end of the epoch, and of a part with none that can be read */
    int64_t n_whole; /* images of the whole batch, before any was left out; 0 at the end of the epoch */
    int64_t index;   /* its number in the epoch, from 0; a resume after it starts at index + 1 */
    const float *pixels;   /* [n, 3, image_px, image_px], image_px of input.preprocess */
    const int64_t *labels; /* [n] */
    const size_t *items;   /* [n], indices into the item list */
    double wait_s;         /* how long the model waited for it */
};

struct loader;

/**
 * @param out        owned; loader_close frees it
 * @param items      borrowed; must outlive the loader; ERR_FORMAT if empty
 * @param image_dir  folder that the items' paths are relative to
 */
int loader_open(struct loader **out, const struct item_list *items, const char *image_dir,
                const struct loader_options *options);
void loader_close(struct loader *loader);

/** Bytes of the batches that are ready or being filled, without the cache of decoded images. */
size_t loader_batch_bytes(const struct loader *loader);
/** Lowers options.cache_bytes; call it before the first loader_start. */
void loader_limit_cache(struct loader *loader, size_t cache_bytes);

/** Batches of an epoch, of all parts, at least 1. Skipped images make batches smaller; empty ones are passed over,
 * unless there are several parts. */
int64_t loader_n_batches(const struct loader *loader);

/**
 * Begins epoch `epoch` (from 0) at batch `first_batch` (from 0; to resume inside an epoch). May be called at
 * any time, also in the middle of an epoch; drops the batches decoded ahead.
 */
int loader_start(struct loader *loader, int64_t epoch, int64_t first_batch);

/**
 * The next batch; out->n == 0 at the end. ERR_IO or ERR_FORMAT names the image that cannot be read, and every
 * further call does so again until loader_start. With skip_bad_images it fails only if there is one part
 * and no image of the epoch can be read.
 */
int loader_next(struct batch *out, struct loader *loader);

/** Unreadable images left out so far (each counted once); the message of the first, borrowed ("": none). */
size_t loader_n_skipped(const struct loader *loader);
const char *loader_first_skipped(const struct loader *loader);

/** Images that are damaged but readable (struct image's `damage`; each counted once), and path and damage of
 * the first, borrowed ("": none). */
size_t loader_n_damaged(const struct loader *loader);
const char *loader_first_damaged(const struct loader *loader);

/** Images whose EXIF data ask to turn them, whether input.apply_orientation is set or not; each counted once. */
size_t loader_n_oriented(const struct loader *loader);

#endif
