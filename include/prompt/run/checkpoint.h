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
#include "prompt/report/pipeline.h"

/** Where training stands; stored in the metadata. */
struct progress {
    int64_t epoch;         /* finished epochs */
    int64_t step_in_epoch; /* finished steps of the epoch after those */
    int64_t step;          /* finished steps in all */
    int64_t n_steps;       /* steps of the whole training */
};

/** What the training depends on; strings are owned. */
struct provenance {
    char *config;         /* the keys that define the experiment, JSON */
    char *config_hash;    /* of its experiment keys */
    char *weights_sha256; /* of the CLIP weights */
    char *sample_digest;  /* of the few-shot list */
    char *class_digest;   /* of the training classes' names */
    char *class_names;    /* JSON array */
    int64_t n_classes;    /* of the training */
    struct pipeline pipeline;
};
void provenance_free(struct provenance *p);

/** Writes atomically. */
int checkpoint_write(const char *path, const struct method *m, const struct sgd *optimizer,
                     const struct progress *progress, const struct provenance *provenance);
/** Appends the same bytes to `out`. */
int checkpoint_append(struct str *out, const struct method *m, const struct sgd *optimizer,
                      const struct progress *progress, const struct provenance *provenance);

/** Reads what the metadata says; ERR_IO with the absolute path, ERR_FORMAT if it is no checkpoint. */
int checkpoint_read_header(struct provenance *provenance, struct progress *progress, const char *path);

/** ERR_USAGE if the method learns vectors of each class and these are not the classes it was trained with. */
int checkpoint_check_classes(const struct provenance *provenance, const struct method *m, char *const *names,
                             int64_t n_names);

/** Copies the trained tensors (and the momentum, unless `optimizer` is NULL) over; names and shapes must
 * agree. */
int checkpoint_read_tensors(struct method *m, struct sgd *optimizer, const char *path);

#endif
