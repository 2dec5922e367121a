/** The parts of a training, and what happens before its first step. */
#ifndef PROMPT_SRC_RUN_TRAIN_SETUP_H
#define PROMPT_SRC_RUN_TRAIN_SETUP_H

#include "batch.h"
#include "division.h"
#include "prompt/nn/optimizer.h"
#include "prompt/run/checkpoint.h"
#include "prompt/run/class_list.h"
#include "prompt/run/run_files.h"

struct training {
    const struct run_options *options; /* borrowed */
    bool is_dry;                       /* writes nothing */
    struct session *session;
    struct dataset *dataset;
    struct class_list classes;
    struct item_list items; /* the few-shot sample of the trained classes */
    struct item_list val;   /* and that of their validation pictures, of methods that are fitted */
    struct method *method;
    struct optimizer optimizer;
    struct loader *loader; /* of this rank's images */
    struct batch_buffers buffers;
    struct division division;
    struct step_share share; /* of this rank, in the step at hand */
    struct provenance provenance;
    struct progress progress;
    int64_t steps_per_epoch;
    int64_t n_epochs; /* the last may end before its last step */
    struct run_files files;
    bool has_checkpoint; /* the file exists: saved, or resumed from */
    bool has_saved;      /* by this process */
    double mean_step_s;
    struct ranks_time exchanged; /* until the end of the last step */
};

/** Opens everything, checks names and images, prints the cost. Writes nothing. `t->options` is set. */
int training_open(struct training *t, struct config *config, const struct str_list *targets, struct log *log);
/** Loads the checkpoint of a resumed run, or checks the zero-shot accuracy; takes the run folder and writes
 * its configuration. */
int training_begin(struct training *t);
/** Writes the checkpoint, unless a trained tensor is not finite: ERR_NUMERIC. (train.c) */
int training_save(struct training *t);
/** Goes to a later stage of the method (method.h): its initial values, a new optimizer. */
int training_begin_stage(struct training *t, int64_t index);
/** Takes trained tensors and optimizer from the bytes of a checkpoint of `t->progress`. */
int training_restore(struct training *t, const void *bytes, size_t n_bytes);
/** Whether this process writes the files of the run. */
bool training_writes(const struct training *t);
void training_close(struct training *t);

#endif
