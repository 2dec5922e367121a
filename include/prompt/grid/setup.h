/** The things that all jobs of a grid share: experiment, options, model, and the available data sets. */
#ifndef PROMPT_GRID_SETUP_H
#define PROMPT_GRID_SETUP_H

#include "prompt/data/dataset_open.h"
#include "prompt/report/experiment.h"
#include "prompt/report/pipeline.h"

struct grid_options {
    const struct str_list *datasets; /* empty: all of the experiment */
    const int64_t *seeds;            /* [n_seeds] */
    size_t n_seeds;
    const struct str_list *sets; /* KEY=VALUE over every row */
    const char *out_dir;
    const struct str_list *only; /* names of runs, of which the plan is made; NULL: of all */
    int64_t max_steps, limit;    /* 0: none; else the runs are not results */
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

/** An available data set. */
struct grid_data {
    const char *name;                       /* borrowed from the experiment */
    struct dataset *dataset;                /* owned; NULL once the plan is made */
    struct grid_list lists[GRID_N_SUBSETS]; /* by enum class_subset */
};

struct grid_setup {
    const struct experiment *experiment; /* borrowed, as the next two */
    const struct grid_options *options;
    const struct grid_model *model;
    struct str_list there, absent; /* names of data sets */
    struct str_list reasons;       /* why data sets are absent, or cannot be trained on */
    struct grid_data *data;        /* [n_data], of `there` */
    size_t n_data;
};

/**
 * Opens every data set that is asked for and looks for its test images. An incomplete one goes to
 * `absent`, its reason to `reasons`. `out` is owned, also on failure, and borrows the other arguments.
 * @return OK; ERR_USAGE, ERR_IO, ERR_FORMAT of the first row's configuration; ERR_MEMORY
 */
int grid_setup_open(struct grid_setup *out, const struct experiment *x, const struct grid_options *options,
                    const struct grid_model *model);
/** Frees the data sets, and keeps their names and digests. */
void grid_setup_close_data(struct grid_setup *s);
void grid_setup_free(struct grid_setup *s);

/** The data set of that name, borrowed; NULL: it is absent. */
const struct grid_data *grid_setup_find(const struct grid_setup *s, const char *name);
/** Adds the last error to the reasons, once. */
int grid_setup_add_reason(struct grid_setup *s);

#endif
