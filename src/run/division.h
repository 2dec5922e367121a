/**
 * How a training step is divided among ranks: the images of the batch first, and the classes where the text of
 * all images is the same, or where there are more ranks than images.
 *
 * The loss of a rank is that of its images, weighted so that the sum over ranks is the loss of the batch. So are
 * the gradients: those of text features go back to the rank that encoded them (nn/exchange.h), and the sums of
 * the trained tensors' are the same on all ranks, which take the same step.
 */
#ifndef PROMPT_SRC_RUN_DIVISION_H
#define PROMPT_SRC_RUN_DIVISION_H

#include "prompt/base/share.h"
#include "prompt/methods/method.h"
#include "prompt/ranks/ranks.h"

struct division {
    struct ranks *all;  /* borrowed; NULL: one */
    struct ranks *text; /* that share the classes, borrowed from here; NULL: each encodes all */
    /* the ranks of a group have the same images */
    int64_t n_groups, group;
    int64_t n_members, member; /* of this group */
    struct ranks *members;     /* owned; NULL: one */
    struct ranks *text_group;  /* owned; NULL: `text` is one of the others */
    int64_t *reports;          /* what the last division_share gathered, owned */
};

/**
 * @param out         owned: division_close frees it
 * @param batch_size  images of a batch
 * @return OK; ERR_USAGE for more ranks than images times classes; ERR_MEMORY
 */
int division_open(struct division *out, struct ranks *ranks, const struct method *m, int64_t batch_size,
                  int64_t n_classes);
void division_close(struct division *d);

/** This rank's part of one step. */
struct step_share {
    double weight;       /* of the mean loss of its images */
    int64_t n_images;    /* of the whole batch; 0: none of them can be read */
    int64_t first_image; /* index of its first image among them */
    int64_t n_skipped;   /* unreadable images so far, of all ranks */
    bool wants_stop;     /* any rank has a signal */
};

/** What a rank knows before a step. */
struct step_report {
    int64_t n_images, n_skipped;
    bool wants_stop;
};

/** All ranks call it before each step. ERR_IO if ranks that should have the same images have not. */
int division_share(struct step_share *out, const struct division *d, struct step_report own);

/** Seconds that this rank has spent in exchanges of all ranks and of its groups so far. */
struct ranks_time division_time(const struct division *d);

/** The items of all images of the batch, in its order, [n_images of the last division_share]. */
int division_gather_items(size_t *out, const struct division *d, const size_t *own);

#endif
