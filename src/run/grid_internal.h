/* What the files of the grid share. */
#ifndef PROMPT_SRC_RUN_GRID_INTERNAL_H
#define PROMPT_SRC_RUN_GRID_INTERNAL_H

#include "prompt/run/grid.h"

/* "base2new/prompt/iterations=1/caltech101/seed1": the preset, in what the job leaves it, data set and seed.
 */
int grid_name_folder(struct grid_job *job, const char *out_dir);

#endif
