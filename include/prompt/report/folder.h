/** The folder of a run: whether it is free, taking it, emptying it. */
#ifndef PROMPT_REPORT_FOLDER_H
#define PROMPT_REPORT_FOLDER_H

#include <stdbool.h>

#include "prompt/base/log.h"
#include "prompt/base/str.h"

/* Its files. */
#define RUN_CONFIG_FILE "config.json"
#define RUN_CHECKPOINT_FILE "checkpoint.safetensors"
#define RUN_MODEL_FILE "model.safetensors" /* of prompt pretrain */
#define RUN_LOG_FILE "log.jsonl"
#define RUN_RESULTS_FILE "results.json"

/** ERR_USAGE if a run is in it already and is neither to be resumed nor replaced. */
int folder_check(const char *dir, bool resume, bool force);
/**
 * Makes the folder and takes it for this process; lock_release gives it back. One that another process has is
 * waited for: a minute if that process ends after a signal, else a few seconds.
 * @return OK; ERR_BUSY; ERR_INTERRUPTED by a signal meanwhile; ERR_IO
 */
int folder_take(int *lock, const char *dir, struct log *log);
/** Removes what an earlier run left, its checkpoint first. */
int folder_clear(const char *dir);
/** Writes a file of it, whole or not at all. */
int folder_write(const char *dir, const char *name, const struct str *text);

#endif
