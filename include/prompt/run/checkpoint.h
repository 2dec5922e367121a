/**
 * A run's state as one safetensors file: trained tensors by name, "optimizer.momentum.<name>", and everything
 * needed to use or continue it in the metadata. Self-describing: given by path, it says what it was trained
 * with.
 *
 * The bytes depend on the training alone (no time, no path, no machine), so that a resumed run ends in the
 * same file.
 */
#ifndef PROMPT_RUN_CHECKPOINT_H
#define PROMPT_RUN_CHECKPOINT_H

#include "prompt/methods/method.h"
#include "prompt/nn/optim.h"
#include "prompt/nn/safetensors.h"
#include "prompt/report/provenance.h"

/** Writes atomically. */
int checkpoint_write(const char *path, const struct method *m, const struct sgd *optimizer,
                     const struct progress *progress, const struct provenance *provenance);
/** Appends the same bytes to `out`. */
int checkpoint_append(struct str *out, const struct method *m, const struct sgd *optimizer,
                      const struct progress *progress, const struct provenance *provenance);

/** ERR_USAGE if the method learns vectors of each class and these are not the classes it was trained with. */
int checkpoint_check_classes(const struct provenance *provenance, const struct method *m, char *const *names,
                             int64_t n_names);

/** Copies the trained tensors (and the momentum, unless `optimizer` is NULL) over; names and shapes must
 * agree. */
int checkpoint_read_tensors(struct method *m, struct sgd *optimizer, const char *path);

#endif
