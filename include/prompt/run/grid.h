/**
 * The runs of an experiment: what each needs, what is done already, and the words that do the rest.
 *
 * A job is one training (or none, for CLIP) with its evaluations, in a folder of its own, so that experiments
 * that share a preset share its runs. It is done when its result records are there: of the same
 * configuration, key by key, of the same weights, and finished.
 */
#ifndef PROMPT_RUN_GRID_H
#define PROMPT_RUN_GRID_H

#include "prompt/run/experiment.h"

enum grid_state { GRID_DONE, GRID_TO_RUN, GRID_NO_DATA };

struct grid_job {
    const struct experiment_row *row;
    struct config config;
    char *folder;
    struct str_list targets;    /* data sets to evaluate on, of those that are there */
    struct str_list unscored;   /* of those, without all of their records */
    bool lacks_base, lacks_new; /* with halves: which records the one target lacks */
    bool must_train;
    bool is_begun; /* the folder holds a training */
    enum grid_state state;
};

struct grid_options {
    const struct str_list *datasets; /* empty: all of the experiment */
    const int64_t *seeds;
    size_t n_seeds;
    const struct str_list *sets; /* KEY=VALUE over every row */
    const char *out_dir;
    int64_t max_steps, limit; /* 0: none; else the runs are no results */
};

struct grid {
    const struct experiment *experiment;
    const struct grid_options *options;
    char weights_sha256[DIGEST_HEX_SIZE];
    struct str_list there, absent; /* data sets */
    struct str_list reasons;       /* why each of `absent` is */
    struct grid_job *jobs;
    size_t n_jobs;
};

/**
 * Makes the plan: opens every data set, reads every result.
 * @return OK; ERR_USAGE for missing options; what reading the model's file says
 */
int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options);
void grid_close(struct grid *g);

/** The words of `prompt train` for a job. */
int grid_train_words(struct str_list *out, const struct grid *g, const struct grid_job *job);
/** The words of `prompt eval`. */
int grid_eval_words(struct str_list *out, const struct grid *g, const struct grid_job *job);

#endif
