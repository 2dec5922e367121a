/**
 * The plan of an experiment's runs: what each needs, and what is done already.
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
    char *folder;               /* owned */
    char *aside;                /* why it is not the folder of that name, owned; NULL: it is */
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
    const int64_t *seeds;            /* [n_seeds] */
    size_t n_seeds;
    const struct str_list *sets; /* KEY=VALUE over every row */
    const char *out_dir;
    int64_t max_steps, limit; /* 0: none; else the runs are not results */
};

/** The model of all runs, as records name it. */
struct grid_model {
    char sha256[DIGEST_HEX_SIZE]; /* of its weights */
    struct pipeline pipeline;     /* of its pictures and texts, here; owned */
};

enum { GRID_N_SUBSETS = 3 };

/** The test images of a list of classes, as records name them. */
struct grid_list {
    int64_t n_images, n_classes; /* 0: not of this experiment */
    char images[DIGEST_HEX_SIZE];
    char class_names[17];
};

/** A data set that is there. */
struct grid_data {
    const char *name;                       /* borrowed from the experiment */
    struct dataset *dataset;                /* NULL once the plan is made */
    struct grid_list lists[GRID_N_SUBSETS]; /* by enum class_subset */
};

struct grid {
    const struct experiment *experiment; /* borrowed, as the next two */
    const struct grid_options *options;
    const struct grid_model *model;
    struct str_list there, absent; /* data sets */
    struct str_list reasons;       /* why data sets are absent, or cannot be trained on */
    struct grid_data *data;        /* [n_data], of `there` */
    size_t n_data;
    struct grid_job *jobs; /* [n_jobs] */
    size_t n_jobs;
};

/**
 * Makes the plan: opens every data set, looks for its images, reads every result. `out` is owned, and borrows
 * the other arguments.
 * @return OK; ERR_IO, ERR_FORMAT for results that cannot be read; ERR_USAGE; ERR_MEMORY
 */
int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options,
              const struct grid_model *model);
void grid_close(struct grid *g);

size_t grid_count(const struct grid *g, enum grid_state state); /* of the jobs */

/** Finds out again what of a job is done. ERR_IO, ERR_FORMAT for files that cannot be read. */
int grid_job_update(struct grid_job *job, const struct grid *g);

/** Marks the keys of the experiment in which a job leaves its row's preset: [config_n_keys()], owned. */
int grid_changed_keys(bool **out, const struct grid_job *job);

#endif
