/** The folder of a run: checking that it is free, taking it, clearing it. */
#ifndef PROMPT_REPORT_FOLDER_H
#define PROMPT_REPORT_FOLDER_H

#include <stdbool.h>

#include "prompt/base/log.h"
#include "prompt/base/str.h"

/* Files of the folder. */
#define RUN_CONFIG_FILE "config.json"
#define RUN_CHECKPOINT_FILE "checkpoint.safetensors"
#define RUN_MODEL_FILE "model.safetensors" /* of prompt pretrain */
#define RUN_LOG_FILE "log.jsonl"
#define RUN_RESULTS_FILE "results.json"
#define RUN_GRID_FILE "grid.json"         /* of prompt grid: how the run ended (grid_note.h) */
#define RUN_PREDICTIONS_DIR "predictions" /* a file of prompt eval for each data set and list of classes */

/** ERR_USAGE if the folder holds a run that is neither to be resumed nor replaced. */
int folder_check(const char *dir, bool resume, bool force);
/**
 * Makes the folder and takes it for this process; lock_release gives it back. Waits for a folder that another
 * process has: a minute if that process is ending after a signal, else a few seconds.
 * @return OK; ERR_BUSY; ERR_INTERRUPTED by a signal meanwhile; ERR_IO
 */
int folder_take(int *lock, const char *dir, struct log *log);
/** Removes the files of an earlier run, its checkpoint first. */
int folder_clear(const char *dir);
/** Writes a file of the folder atomically. */
int folder_write(const char *dir, const char *name, const struct str *text);

#endif
