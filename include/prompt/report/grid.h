/**
 * The runs of an experiment: what each needs, what is done already, and the words that do the rest.
 *
 * A job is one training (or none, for CLIP) with its evaluations, in a folder of its own, so that experiments
 * that share a preset share its runs. It is done when its result records are there: of the same
 * configuration, key by key, of the same weights, class names and images, and finished. A folder that holds
 * the training of another configuration or model is left alone: the job takes a folder beside it.
 */
#ifndef PROMPT_REPORT_GRID_H
#define PROMPT_REPORT_GRID_H

#include "prompt/data/dataset.h"
#include "prompt/report/experiment.h"
#include "prompt/report/pipeline.h"

enum grid_state { GRID_DONE, GRID_TO_RUN, GRID_NO_DATA };

struct grid_job {
    const struct experiment_row *row;
    struct config config;
    char *folder;
    char *aside;                /* why it is not the folder of that name; NULL: it is */
    struct str_list targets;    /* data sets to evaluate on, of those that are there */
    struct str_list unscored;   /* of those, without all of their records */
    bool lacks_base, lacks_new; /* with halves: which records the one target lacks */
    bool must_train;
    bool is_begun; /* the folder holds a training */
    double work;   /* of what is left, in images times classes */
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

enum { GRID_N_SUBSETS = 3 };

/* What an evaluation of a list of classes looks at. */
struct grid_list {
    int64_t n_images, n_classes; /* 0: not of this experiment */
    char images[DIGEST_HEX_SIZE];
    char class_names[17];
};

/* A data set that is there. */
struct grid_data {
    const char *name;
    struct dataset *dataset;                /* NULL once the plan is made */
    struct grid_list lists[GRID_N_SUBSETS]; /* by enum class_subset */
};

struct grid {
    const struct experiment *experiment;
    const struct grid_options *options;
    char weights_sha256[DIGEST_HEX_SIZE];
    struct pipeline pipeline;      /* of the model's pictures and texts, here */
    struct str_list there, absent; /* data sets */
    struct str_list reasons;       /* why data sets are absent, or cannot be trained on */
    struct grid_data *data;        /* of `there` */
    size_t n_data;
    struct grid_job *jobs;
    size_t n_jobs;
};

/**
 * Makes the plan: opens every data set, looks for its images, reads every result.
 * @return OK; ERR_USAGE for missing options; what reading the model's file says
 */
int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options);
void grid_close(struct grid *g);

size_t grid_count(const struct grid *g, enum grid_state state); /* of the jobs */

/** What of a job is done by now. ERR_IO, ERR_FORMAT for what cannot be read. */
int grid_look(struct grid_job *job, const struct grid *g);

/** The words of `prompt train` for a job. */
int grid_train_words(struct str_list *out, const struct grid *g, const struct grid_job *job);
/** The words of `prompt eval`. */
int grid_eval_words(struct str_list *out, const struct grid *g, const struct grid_job *job);

#endif
