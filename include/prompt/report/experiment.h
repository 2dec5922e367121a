/**
 * The experiments of the paper as data: configs/tables.json has their rows, each
 * a preset, and their data sets; paper.json beside it has the paper's numbers.
 */
#ifndef PROMPT_REPORT_EXPERIMENT_H
#define PROMPT_REPORT_EXPERIMENT_H

#include "prompt/base/json.h"
#include "prompt/config/config.h"

/** A row of a table, or a point of a sweep. */
struct experiment_row {
    const char *series;   /* "CoOp"; borrowed from the document */
    char *name;           /* as the table shows it: the series, or in a sweep "CoOp (4 shots)"; owned */
    double x;             /* of a sweep; NaN: none */
    char *preset;         /* "base2new/coop", a file below the folder of tables.json without ".json"; owned */
    char *path;           /* of that file; owned */
    struct str_list sets; /* KEY=VALUE over the preset */
    char *swept;          /* KEY=VALUE of the sweep, which overrides all others; owned; NULL: none */
    int64_t iteration;    /* the iteration whose accuracy is shown; -1: the last */
    bool has_paper_rounding; /* its published cells are means of seeds that were rounded to one decimal */
    /* {"imagenet": ["KEY=VALUE", ...]}: changes on a data set, those that they extend first; borrowed; NULL: none */
    const struct json *on_before, *on;
};

struct experiment {
    struct json_doc *doc, *paper; /* owned; the paper may be NULL */
    const char *name;             /* "table1"; borrowed from the document, as the next two */
    const char *title;            /* one line */
    const char *source;           /* the data set of the training; "": each data set is trained on itself */
    bool has_halves;              /* evaluated on base and new classes; else on all */
    struct str_list datasets;     /* all of the experiment */
    struct experiment_row *rows;  /* [n_rows], owned */
    size_t n_rows;
};

/** Whether a member of a file of tables is one: all but "on", the changes on data sets that several rows share. */
bool experiment_is_table(const char *name);

/**
 * Reads one experiment of a file of tables.
 * @param out      owned; NULL on failure
 * @param name     "table1", or "1" for short
 * @param methods  series or names of rows, upper or lower case, or "all"; empty: every row that is not "optional"
 * @return OK; ERR_USAGE for an unknown name or method, with those that are known; ERR_IO; ERR_FORMAT
 */
int experiment_open(struct experiment **out, const char *tables_path, const char *name,
                    const struct str_list *methods);
void experiment_free(struct experiment *x);

/**
 * The configuration of a row on a data set: the preset, over it the row's keys, the
 * row's keys on this data set, and `sets`; then the swept key, and data.dataset, which
 * is the one that is trained on. It is settled, as those of records are (config_settle).
 * @param out   owned; zeroed on failure
 * @param sets  KEY=VALUE of the user
 * @return OK; ERR_USAGE for the swept key in `sets`; errors of config_resolve
 */
int experiment_config(struct config *out, const struct experiment *x, const struct experiment_row *row,
                      const char *dataset, const struct str_list *sets);

/**
 * Appends the first setting in which a run differs from the expected one. Seed,
 * runtime keys and the keys that complete a model's files do not count, nor does
 * the precision unless one is expected, nor the data set where nothing is trained.
 */
int experiment_compare(struct str *difference, const struct config *expected, const struct config *run);

/** Marks the hashed keys in which a configuration differs from its row's preset: [config_n_keys()], owned. */
int experiment_changed_keys(bool **out, const struct experiment_row *row, const struct config *c);

/** Whether KEY=VALUE sets a key that counts in experiment_compare. */
bool experiment_is_changed(const char *assignment);

/** The number of the paper, in percent, for "base", "new",
 * "hm" or "all"; `dataset` may be "average". NaN: none. */
double experiment_paper(const struct experiment *x, const struct experiment_row *row, const char *dataset,
                        const char *measure);

/** A note on the paper's numbers, borrowed; NULL: none. */
const char *experiment_paper_note(const struct experiment *x);

/** Finds tables.json of this program, in configs/ beside its build
 * folder or where it is installed. `out` is owned. ERR_IO. */
int experiment_find_tables(char **out);

#endif
