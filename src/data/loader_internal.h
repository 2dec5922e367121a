/*
 * What the caller's side of the loader (loader.c) and its workers (loader_worker.c) share.
 *
 * An epoch is a sequence of places 0 .. n_places - 1; place p holds item order[p], belongs to batch p /
 * batch_size, and that batch lives in slot (batch % n_slots). Workers take places in order, one image at a
 * time, as long as the place's batch is less than n_slots ahead of the one lent to the caller. Whatever a
 * worker computes depends on the place's item and epoch alone, so which worker takes it changes nothing.
 *
 * One mutex guards every field below "shared"; pixels of a place are written by the one worker that took it
 * and read by the caller after all places of the batch are done. Failures stay with their place until the
 * caller's thread reaches the batch: the first failure in the order of the epoch is reported, not the first
 * in time.
 */
#ifndef PROMPT_SRC_DATA_LOADER_INTERNAL_H
#define PROMPT_SRC_DATA_LOADER_INTERNAL_H

#include <pthread.h>

#include "prompt/data/loader.h"
#include "prompt/image/image.h"

enum { LOADER_CHANNELS = 3 };

struct failure {
    int status; /* OK if the image is there */
    char *message;
    const char *damage; /* of an image that is there: struct image's */
};

struct slot {
    float *pixels;   /* [batch_size, 3, image_px, image_px] */
    int64_t *labels; /* [batch_size] */
    size_t *items;   /* [batch_size] */
    struct failure *failures;
    int64_t n_done;
};

struct loader {
    struct loader_options options;
    const struct item_list *list;
    char *image_dir;
    int64_t image_floats; /* 3 * image_px * image_px */
    int64_t n_batches;
    int64_t n_slots;
    struct slot *slots;
    pthread_t *workers;
    int64_t n_started; /* of workers */

    pthread_mutex_t mutex;
    pthread_cond_t work;  /* a place may be taken, or stop */
    pthread_cond_t ready; /* a place is done */
    /* shared */
    bool is_stopping;
    int64_t epoch;
    size_t *order;       /* [list->n]; constant while a place is in work */
    int64_t n_places;    /* of this epoch */
    int64_t next_place;  /* the first that nobody took */
    int64_t n_in_work;   /* taken and not done */
    int64_t lent_batch;  /* the caller has it or waits for it; workers stay below lent_batch + n_slots */
    struct image *cache; /* [list->n], pixels NULL if not kept; an item is in work at most once at a time */
    size_t cache_used_bytes;
    bool is_cache_full;
    bool *is_bad;     /* [list->n] skipped before: not read again */
    bool *is_damaged; /* [list->n] counted before */

    /* the caller's thread alone */
    bool has_lent; /* lent_batch is in the caller's hands */
    int64_t n_delivered;
    size_t n_skipped;
    char *first_skipped;
    size_t n_damaged;
    char *first_damaged;
};

/** Starts options.n_workers threads; those that run are counted in n_started, also on failure. */
int loader_start_workers(struct loader *l);
/** Tells the workers to end and waits until they have: at most one image each. */
void loader_stop_workers(struct loader *l);

#endif
