/* Shared by the files of the grid. */
#ifndef PROMPT_SRC_REPORT_GRID_INTERNAL_H
#define PROMPT_SRC_REPORT_GRID_INTERNAL_H

#include "prompt/report/grid.h"

/* Opens every data set that is asked for; one that is not whole goes to `absent`, its reason to `reasons`. */
int grid_open_data(struct grid *g, const struct config *c);
/* Frees the lists; what is compared with records stays. */
void grid_close_data(struct grid *g);
/* NULL: not there. Borrowed. */
const struct grid_data *grid_data_find(const struct grid *g, const char *name);
/* Adds the last error to the reasons, once. */
int grid_add_reason(struct grid *g);

/* Sets job->work, images times classes of what is left to do; looks for the images of the sample. To be called
 * before grid_close_data. */
int grid_weigh(struct grid_job *job, const struct grid *g);

/* Sets job->folder: "base2new/prompt/iterations=1/caltech101/seed1" names the preset, the keys in which the job
 * leaves it, data set and seed. */
int grid_name_folder(struct grid_job *job, const char *out_dir);

#endif
