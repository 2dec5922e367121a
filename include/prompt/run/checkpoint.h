/**
 * A run's state as one safetensors file: the trained tensors by name, the state of the optimizer (optimizer.h),
 * and in the metadata everything that is needed to use or continue it. The file alone tells what it was trained
 * with.
 *
 * The bytes depend on the training alone (not on time, path or machine), so that a resumed run ends in the
 * same file.
 */
#ifndef PROMPT_RUN_CHECKPOINT_H
#define PROMPT_RUN_CHECKPOINT_H

#include "prompt/methods/method.h"
#include "prompt/nn/optimizer.h"
#include "prompt/nn/safetensors.h"
#include "prompt/report/provenance.h"
#include "prompt/run/session.h"

/**
 * The inputs of a training of the session's configuration, on classes of these names; the model must be open.
 * @param out       owned; provenance_free frees it, also on failure
 * @param sample    digest of the few-shot list
 * @param n_images  in that list
 */
int checkpoint_provenance(struct provenance *out, struct session *s, char *const *names, int64_t n_names,
                          const char *sample, int64_t n_images);

/** Writes the file atomically. */
int checkpoint_write(const char *path, const struct method *m, const struct optimizer *optimizer,
                     const struct progress *progress, const struct provenance *provenance);
/** Appends the bytes of the same file to `out`. */
int checkpoint_append(struct str *out, const struct method *m, const struct optimizer *optimizer,
                      const struct progress *progress, const struct provenance *provenance);

/** ERR_USAGE if the method learns vectors for each class and was trained with other classes than these. */
int checkpoint_check_classes(const struct provenance *provenance, const struct method *m, char *const *names,
                             int64_t n_names);

/** Copies the trained tensors into `m`, which goes to the stage of the last step, and the state into `optimizer` unless that is NULL; names and
 * shapes must agree. @return OK; ERR_IO; ERR_FORMAT, ERR_SHAPE naming file and tensor */
int checkpoint_read_tensors(struct method *m, struct optimizer *optimizer, const char *path);
/** The same from the bytes of checkpoint_append. */
int checkpoint_restore(struct method *m, struct optimizer *optimizer, const void *bytes, size_t n_bytes);

#endif
