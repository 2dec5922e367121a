/** The log of prompt predict: what was predicted with what. */
#ifndef PROMPT_SRC_CLI_PREDICT_LOG_H
#define PROMPT_SRC_CLI_PREDICT_LOG_H

#include "predict_rows.h"
#include "prompt/data/pictures.h"
#include "prompt/run/predict.h"
#include "run_open.h"

/** All borrowed. */
struct predict_log {
    const struct open_run *run;
    const struct pictures *pictures;
    const struct class_list *classes;
    const struct row_writer *rows;
    const struct predict_result *result;
    bool apply_orientation;
};

/** Writes versions, digests, settings and counts as a JSON object. */
int predict_log_write(const char *path, const struct predict_log *log);

#endif
