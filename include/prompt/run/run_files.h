/**
 * The files of a training at work: the lock of its folder, its configuration, log and checkpoint. Prompts and
 * pre-training use them alike. Of several ranks the first alone has them.
 */
#ifndef PROMPT_RUN_RUN_FILES_H
#define PROMPT_RUN_RUN_FILES_H

#include "prompt/base/log.h"
#include "prompt/ranks/ranks.h"
#include "prompt/report/folder.h"
#include "prompt/run/saver.h"

/** Where a training writes, and how far it goes. */
struct run_options {
    const char *out_dir; /* the run folder, borrowed; NULL only for a dry run */
    bool resume;         /* continue from its checkpoint */
    bool force;          /* replace an earlier run in the folder */
    int64_t max_steps;   /* stop after this many steps in all, with a checkpoint; 0: no limit */
    struct ranks *ranks; /* that train together, borrowed: the first writes; NULL: one */
};

struct run_files {
    const struct run_options *options; /* borrowed */
    struct log *log;                   /* borrowed */
    char *checkpoint_path;             /* owned; NULL without a folder */
    int lock;                          /* of the folder; -1: not taken */
    struct event_log events;           /* from run_files_begin on, as the next */
    struct saver *saver;               /* owned */
};

/** Checks that the folder may be used; writes nothing. ERR_USAGE if it holds a run; ERR_MEMORY. */
int run_files_open(struct run_files *out, const struct run_options *options, struct log *log);
/** Takes the folder, once. @return OK; ERR_BUSY; ERR_INTERRUPTED; ERR_IO */
int run_files_take(struct run_files *f);
/**
 * Replaces the earlier run (`force`), writes the configuration and opens the log.
 * @param config  NULL: the run is resumed and has one
 * @param step    steps finished before; later records are removed from the log
 */
int run_files_begin(struct run_files *f, const struct str *config, int64_t step);
bool run_files_at_limit(const struct run_files *f, int64_t step); /* max_steps is reached */
/**
 * Reports an end before the last step.
 * @param command     "train" or "pretrain", which resumes the run
 * @param is_stopped  by a signal
 * @return OK; ERR_INTERRUPTED with the command that resumes the run
 */
int run_files_end(const struct run_files *f, const char *command, int64_t step, int64_t n_steps,
                  bool is_saved, bool is_stopped);
void run_files_close(struct run_files *f);

#endif
