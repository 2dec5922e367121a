/** Result records in the form of CLIP_benchmark, whose command `build` makes a table of such files. */
#ifndef PROMPT_SRC_CLI_CLIP_BENCHMARK_H
#define PROMPT_SRC_CLI_CLIP_BENCHMARK_H

#include "prompt/report/records.h"

/**
 * Writes one JSON file for each finished record into the folder `dir`, which is made if it is missing:
 * dataset, model, pretrained, task, metrics and language, as CLIP_benchmark has them, and what tells our
 * records apart (classes, method, shots, seed and digests). Of records of the same experiment on the same
 * classes the latest wins.
 * @param n_files  receives the number of files
 * @return OK; ERR_FORMAT if no record is finished, before anything is written; ERR_IO; ERR_MEMORY
 */
int clip_benchmark_write(size_t *n_files, const struct record_list *records, const char *dir,
                         bool include_unfinished);

#endif
