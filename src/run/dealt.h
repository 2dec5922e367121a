/**
 * What is computed of the images of a list, batch by batch. The batches are those of one process; of several ranks
 * each computes every n-th, and the first gets the results of all in the order of the list. With equal threads a
 * rank they are the same bytes.
 */
#ifndef PROMPT_SRC_RUN_DEALT_H
#define PROMPT_SRC_RUN_DEALT_H

#include "prompt/run/features.h"

/** The images and their computation; borrowed. */
struct dealt_source {
    struct session *session;
    const struct item_list *items;
    const char *image_dir;
    struct loader_options loading; /* its on_skipped is called on the first rank alone */
    const struct method *method;   /* that takes part in it, and its texts; or NULL */
    const struct class_texts *texts;
    struct image_features *features; /* opened: read or filled in by `compute` */
    bool needs_pixels;               /* also where the features were found */
    int64_t width;                   /* values of an image */
    /* fills `values` [batch->n,width]; a batch without pixels if none are needed */
    int (*compute)(void *context, float *values, const struct batch *batch);
    void *context;
};

/** The result of one batch; borrowed until the next call. */
struct dealt_batch {
    bool is_over;          /* there is none */
    int64_t n;             /* images; 0 on every rank but the first */
    const size_t *items;   /* [n], indices into the list */
    const int64_t *labels; /* [n] */
    const float *values;   /* [n,width] */
};

struct dealt;

/** `out` is owned: dealt_close frees it. ERR_USAGE if the ranks have other images, weights, texts or settings. */
int dealt_open(struct dealt **out, const struct dealt_source *source);
/** @return OK; the failures of the loader and of `compute`, on whatever rank */
int dealt_next(struct dealt_batch *out, struct dealt *d);
/** Whether all ranks should stop after this batch, for a signal that one of them has. */
bool dealt_is_stopped(const struct dealt *d);
/**
 * All ranks call it after the last batch, or with a failure.
 * @return `status`, or the first failure of any rank
 */
int dealt_end(struct dealt *d, int status);
void dealt_close(struct dealt *d);

/** Of the batches so far; texts are borrowed. On the first rank those of all. */
struct dealt_facts {
    int64_t n_done; /* images computed or left out; the same on all ranks */
    int64_t n_skipped, n_damaged, n_oriented;
    const char *first_skipped, *first_damaged; /* "": none */
};
struct dealt_facts dealt_facts(const struct dealt *d);

#endif
