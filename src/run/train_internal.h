/* What the training loop (train.c) and its preparation (train_setup.c) share. */
#ifndef PROMPT_SRC_RUN_TRAIN_INTERNAL_H
#define PROMPT_SRC_RUN_TRAIN_INTERNAL_H

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
    struct event_log events;
    struct provenance provenance;
    struct progress progress;
    int64_t steps_per_epoch;
    char *checkpoint_path;
    bool has_checkpoint; /* the file is there: saved, or resumed from */
    bool has_saved;      /* in this process */
    int lock;            /* of the run folder; -1: none */
    struct saver *saver; /* from training_begin on */
    double mean_step_s;
};

/** Opens everything, checks that all images exist, prints the cost. Writes nothing. */
int training_open(struct training *t, struct config *config, const struct train_options *options,
                  struct log *log);
/** Looks at names and pictures of what will be evaluated; the model must be open (train_check.c). */
int training_check(const struct training *t);
/** Takes the run folder (config.json, log), loads the checkpoint of a resumed run, or checks zero-shot
 * accuracy. */
int training_begin(struct training *t);
void training_close(struct training *t);

#endif
