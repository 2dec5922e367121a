/**
 * A trained run, or a model alone, opened as the command line says. The commands that use a run share this:
 * where its files are, what may differ from the training, and what must not.
 */
#ifndef PROMPT_SRC_CLI_RUN_OPEN_H
#define PROMPT_SRC_CLI_RUN_OPEN_H

#include "opt.h"
#include "prompt/run/checkpoint.h"
#include "prompt/run/session.h"

/** Begins zeroed but for `v` and the two choices of the command, with the log initialized. */
struct open_run {
    const struct opt_values *v; /* borrowed; the command has --set, and --run and --config or else `run` */
    const char *run;            /* borrowed: the run's folder or checkpoint, of a command without --run */
    bool takes_untrained;       /* the command has --untrained, which uses the initial tensors of a method */
    bool defaults_to_clip;      /* without --run the method is CLIP, unless one is given */
    struct log log;
    /* from run_open_resolve on; all owned */
    struct config config;         /* data.dataset is the training's */
    char *dataset;                /* the data set to use; "": none is given */
    char *checkpoint_path;        /* NULL: a model alone */
    struct provenance provenance; /* of the run */
    struct progress progress;
    /* opened by the caller between the two */
    struct session *session;
    /* from run_open_method on */
    struct method *method;
};

/** The path of the checkpoint of a run folder, or of a checkpoint file; owned. ERR_MEMORY. */
int run_find_checkpoint(char **out, const char *run);

/**
 * Finds the checkpoint of --run, a folder or a file, and resolves the configuration: that of the run, with
 * the file beside the checkpoint under it and the command line over it. Keys that define the training must be
 * those of the training. Takes this machine's device or precision if those of the training are not available.
 * @return OK; ERR_USAGE also for a run that is not trained yet, and without --run for a method with prompts
 *         to train; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int run_open_resolve(struct open_run *r);

/**
 * Makes the template of the data set to use, where the configuration asks for the data set's own, a template
 * like any other, for captions of names that belong to no data set. Comes before session_open. ERR_USAGE
 * without a data set.
 */
int run_open_settle_template(struct open_run *r);

/** session_open_model; a run's model that has moved is an error that names --model. */
int run_open_model(struct open_run *r);

/**
 * Checks that weights and preprocessing are those of the training, then creates the method, with the run's
 * trained tensors. The session's model must be open.
 * @param n_classes    of a method without a run
 * @param consequence  what it means that a run is not finished, for a note
 */
int run_open_method(struct open_run *r, int64_t n_classes, const char *consequence);

bool run_open_is_finished(const struct open_run *r); /* a model alone is finished */

void run_open_close(struct open_run *r);

#endif
