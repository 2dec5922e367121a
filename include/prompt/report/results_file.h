/** results.json of a run: a JSON array of result records (report/records.h), to which evaluations append. */
#ifndef PROMPT_REPORT_RESULTS_FILE_H
#define PROMPT_REPORT_RESULTS_FILE_H

#include "prompt/base/str.h"

/** OK if records can be appended to `path`: it is an array that can be written, or can be created. */
int results_check(const char *path);

/**
 * Appends a record to the array in `path`, atomically, one process after the other; creates the file.
 * @return OK; ERR_FORMAT if it is not an array; ERR_IO; ERR_MEMORY
 */
int results_append(const char *path, const struct str *record);

#endif
