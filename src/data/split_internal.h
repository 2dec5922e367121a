/* What dataset.c needs of split.c. */
#ifndef PROMPT_DATA_SPLIT_INTERNAL_H
#define PROMPT_DATA_SPLIT_INTERNAL_H

#include "prompt/data/dataset.h"

/**
 * Reads a published split file into the lists, class names and class count of `d`, which
 * are empty before. On failure they may be partly filled: dataset_free takes care of them.
 * @return OK; ERR_IO; ERR_FORMAT as "file:line: what was expected"; ERR_MEMORY
 */
int split_read(struct dataset *d, const char *path);

#endif
