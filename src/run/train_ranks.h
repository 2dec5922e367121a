/** What the ranks of a training tell one another, besides the sums of a step (step.h). */
#ifndef PROMPT_SRC_RUN_TRAIN_RANKS_H
#define PROMPT_SRC_RUN_TRAIN_RANKS_H

#include "train_setup.h"

/** Compares what the ranks train with (same.h); the provenance must be there. */
int train_ranks_check(const struct training *t);
/** Divides the images of a step and the classes. */
int train_ranks_divide(struct training *t);
/** Progress, trained tensors and optimizer become the first rank's, which may come from a checkpoint. */
int train_ranks_begin(struct training *t);
/** This rank's part of the step of a batch, which may have no image. */
int train_ranks_share(struct training *t, const struct batch *batch);
/** Warns of the pictures of all ranks that were left out, or are damaged. */
int train_ranks_warn(struct training *t);

#endif
