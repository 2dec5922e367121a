/* The name of a job's folder. */
#ifndef PROMPT_SRC_GRID_FOLDER_H
#define PROMPT_SRC_GRID_FOLDER_H

#include "prompt/report/experiment.h"

/* "OUT/base2new/prompt/iterations=1/caltech101/seed1": the preset, the keys in which
 * the configuration differs from it, data set and seed. Owned; NULL on failure. */
int grid_folder_name(char **out, const struct experiment_row *row, const struct config *c,
                     const char *out_dir);

#endif
