/**
 * The experiments of the paper as data (configs/tables.json): rows, each a preset, and the data sets they are
 * evaluated on; and the paper's own numbers (paper.json beside it).
 */
#ifndef PROMPT_REPORT_EXPERIMENT_H
#define PROMPT_REPORT_EXPERIMENT_H

#include "prompt/base/json.h"
#include "prompt/config/config.h"

/** A row of a table, or a point of a sweep. */
struct experiment_row {
    const char *series;      /* "CoOp"; borrowed from the document */
    char *name;              /* what the table shows: the series, or with a sweep "CoOp (4 shots)" */
    double x;                /* of a sweep; NaN: none */
    char *preset;            /* "base2new/coop", a file below the folder of tables.json without ".json" */
    char *path;              /* of that file */
    struct str_list sets;    /* KEY=VALUE over the preset */
    char *swept;             /* the sweep's KEY=VALUE, which stands over all others; NULL: none */
    int64_t iteration;       /* the accuracy after so many iterations is shown; -1: the last */
    bool has_paper_rounding; /* its published cells are means of seeds that were rounded to one decimal */
    const struct json *on;   /* {"imagenet": ["KEY=VALUE", ...]}: what a data set changes; NULL: nothing */
};

struct experiment {
    struct json_doc *doc, *paper;
    const char *name;         /* "table1" */
    const char *title;        /* one line */
    const char *source;       /* the data set of the training; "": each data set is trained on itself */
    bool has_halves;          /* evaluated on base and new classes; else on all */
    struct str_list datasets; /* all of the experiment */
    struct experiment_row *rows;
    size_t n_rows;
};

/**
 * Reads one experiment of a file of tables.
 * @param name     "table1", or "1" for short
 * @param methods  series or names of rows, upper or lower case; empty: every row that is not "optional"
 * @return OK; ERR_USAGE for an unknown name or method, with those that are known; ERR_IO; ERR_FORMAT
 */
int experiment_open(struct experiment **out, const char *tables_path, const char *name,
                    const struct str_list *methods);
void experiment_free(struct experiment *x);

/**
 * The configuration of a row on a data set, to be freed: preset < the row's keys < the data set's keys <
 * `sets` (KEY=VALUE, the user's) < what is swept. data.dataset is the one that is trained on; settled, as
 * records are (config_settle).
 * @return OK; ERR_USAGE for a key that is swept in `sets`, and what reading configurations says
 */
int experiment_config(struct config *out, const struct experiment *x, const struct experiment_row *row,
                      const char *dataset, const struct str_list *sets);

/**
 * Appends in what a run is not the expected one; nothing if it is. Free are the seed, the machine's settings,
 * what model files say, the precision unless one is expected, and, where nothing is trained, the data set.
 */
int experiment_compare(struct str *difference, const struct config *expected, const struct config *run);

/** Marks the keys of the experiment in which a configuration leaves its row's preset: [config_n_keys()], owned. */
int experiment_changed_keys(bool **out, const struct experiment_row *row, const struct config *c);

/** Whether KEY=VALUE is more than a place, a machine's setting or another seed. */
bool experiment_is_changed(const char *assignment);

/** The paper's number in percent for "base", "new", "hm" or "all"; `dataset` may be "average". NaN: none. */
double experiment_paper(const struct experiment *x, const struct experiment_row *row, const char *dataset,
                        const char *measure);

/** What a reader of the paper's numbers must know; NULL: nothing. */
const char *experiment_paper_note(const struct experiment *x);

/** The file of tables that belongs to this program: configs/ beside its build folder, or where it is
 * installed. The caller frees it. */
int experiment_find_tables(char **out);

#endif
