/* What a page shows: runs, their groups, the lists of images on which all of them were evaluated. */
#ifndef PROMPT_SRC_PAGE_MODEL_H
#define PROMPT_SRC_PAGE_MODEL_H

#include "prompt/base/json.h"
#include "prompt/data/dataset.h"
#include "prompt/page/page.h"
#include "prompt/report/experiment.h"
#include "prompt/report/predictions.h"
#include "prompt/report/provenance.h"
#include "prompt/report/records.h"
#include "thumbs.h"

/* log.jsonl of a training. */
struct training_log {
    size_t n;           /* steps */
    double *steps;      /* [n], owned, as the next two */
    double *loss;       /* [n], the weighted sum */
    double *losses;     /* [n_losses,n], of n = 1..N */
    double *accuracies; /* [n], percent at n = N; NaN where the log has none; owned */
    size_t n_losses;    /* N */
    double seconds, wait_s;
    double n_images;
};

/* A run's evaluation on one list. */
struct run_list {
    const struct record *record;    /* borrowed: the last whole evaluation */
    const struct json *object;      /* the same in the document */
    struct predictions predictions; /* owned */
};

struct run {
    char *dir;            /* owned */
    struct json_doc *doc; /* results.json, owned */
    struct record_list records;
    struct run_list *lists; /* [n_lists], owned; in the order of the page's lists once these are known */
    size_t n_lists;
    const struct config *config; /* borrowed from a record */
    bool is_trained;             /* it has a checkpoint */
    struct progress progress;
    struct provenance provenance;
    struct training_log log;
};

/* Runs of one experiment, which differ in the seed alone. */
struct group {
    char *name;   /* "ProMPT", or with what sets it apart from another group of the method; owned */
    size_t *runs; /* [n], owned; indices, in the order of the command line */
    size_t n;
    double *paper; /* [n_lists], owned; published accuracy in percent; NaN: none */
    double paper_hm;
    bool has_paper;
    struct str
        setting; /* the first setting in which it is not the published experiment; "": none, or unknown */
};

/* A data set's classes and images. */
struct list {
    char *dataset; /* owned */
    enum class_subset subset;
    int64_t n_classes, n_images;
    char **names; /* [n_classes], owned, as each text */
    char **files; /* [n_files], owned, as each text: of the list's images; NULL: not found */
    size_t n_files;
    bool is_synthetic, is_published;
};

/* The few-shot sample of a seed. */
struct sample {
    size_t run;      /* of the first run that saw it */
    char **files;    /* [n], owned, as each text */
    int64_t *labels; /* [n], owned */
    size_t n;
    char **names; /* [n_classes], owned, as each text */
    int64_t n_classes;
};

struct page {
    const struct page_options *options; /* borrowed */
    struct run *runs;                   /* [n_runs], owned */
    size_t n_runs;
    struct group *groups; /* [n_groups], owned */
    size_t n_groups;
    struct list *lists; /* [n_lists], owned */
    size_t n_lists;
    struct sample *samples; /* [n_samples], owned */
    size_t n_samples;
    struct str_list notes; /* what is missing, for the page and stderr */
    struct thumbs thumbs;
};

/* ---------------------------------------------------------------- reading */

/* Opens a run: records, predictions, log, metadata. `out` is owned, also on failure. */
int run_open(struct run *out, const char *dir);
void run_close(struct run *r);
/* Reads log.jsonl; a run without one has no steps. */
int training_log_read(struct training_log *out, const char *dir);
void training_log_free(struct training_log *log);

/* Checks that the runs can be compared, and fills lists: those that every run has. */
int lists_make(struct page *p);
/* Finds the images of the lists and the few-shot samples; what is not there becomes a note. */
int lists_find_pictures(struct page *p);
void lists_free(struct page *p);

int groups_make(struct page *p);
void groups_free(struct page *p);
/* Fills the published values. */
int published_find(struct page *p);

/* ---------------------------------------------------------------- numbers */

/* The method as the tables name it: "ProMPT" */
const char *method_name(const struct config *c);
/* "OxfordFlowers, base classes" */
void list_title(struct str *out, const struct list *list);
/* The same for a column of a table: "base classes" where all lists are of one data set. */
void list_column(struct str *out, const struct page *p, size_t list);
/* The accuracy in percent of a run on a list at n, and of a group: the mean over its seeds; sd: NaN for one. */
double run_accuracy(const struct page *p, size_t run, size_t list, int64_t n);
double group_accuracy(double *sd, const struct page *p, const struct group *g, size_t list, int64_t n);
/* HM of base and new of a data set, in percent; of a group that of the means, as in the tables. */
double run_hm(const struct page *p, size_t run, int64_t n);
double group_hm(double *sd, const struct page *p, const struct group *g, int64_t n);
/* Indices of the base and new lists of the first data set; false if it does not have both. */
bool page_halves(size_t *base, size_t *new_, const struct page *p);
/* N of a run on its first list. */
int64_t run_iterations(const struct run *r);
const struct run *group_first(const struct page *p, const struct group *g); /* borrowed */

/* Adds a note for the page and stderr. */
int page_note(struct page *p, const char *fmt, ...) PROMPT_PRINTF(2, 3);

#endif
