/** The parts of a training, and what happens before its first step. */
#ifndef PROMPT_SRC_RUN_TRAIN_SETUP_H
#define PROMPT_SRC_RUN_TRAIN_SETUP_H

#include "prompt/nn/optim.h"
#include "prompt/run/checkpoint.h"
#include "prompt/run/class_list.h"
#include "prompt/run/train.h"

struct training {
    const struct train_options *options;
    struct session *session;
    struct dataset *dataset;
    struct class_list classes;
    struct item_list items; /* the few-shot sample of the trained classes */
    struct method *method;
    struct sgd optimizer;
    struct loader *loader;
    struct provenance provenance;
    struct progress progress;
    int64_t steps_per_epoch;
    struct run_files files;
    bool has_checkpoint; /* the file is there: saved, or resumed from */
    bool has_saved;      /* in this process */
    double mean_step_s;
};

/** Opens everything, checks that all images exist, prints the cost. Writes nothing. */
int training_open(struct training *t, struct config *config, const struct train_options *options,
                  struct log *log);
/** Takes the run folder (config.json, log), loads the checkpoint of a resumed run, or checks zero-shot
 * accuracy. */
int training_begin(struct training *t);
void training_close(struct training *t);

#endif
