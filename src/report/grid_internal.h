/* What the files of the grid share. */
#ifndef PROMPT_SRC_REPORT_GRID_INTERNAL_H
#define PROMPT_SRC_REPORT_GRID_INTERNAL_H

#include "prompt/report/grid.h"

/* Opens every data set that is asked for; what is not whole goes to `absent`, its reason to `reasons`. */
int grid_open_data(struct grid *g, const struct config *c);
/* Lets go of the lists; what is compared with records stays. */
void grid_close_data(struct grid *g);
/* NULL: not there. */
const struct grid_data *grid_data_find(const struct grid *g, const char *name);
/* The last error joins the reasons, once. */
int grid_add_reason(struct grid *g);

/* job->work: images times classes of what is left to do; looks at the images of the sample. Before
 * grid_close_data. */
int grid_weigh(struct grid_job *job, const struct grid *g);

/* "base2new/prompt/iterations=1/caltech101/seed1": the preset, in what the job leaves it, data set and seed.
 */
int grid_name_folder(struct grid_job *job, const char *out_dir);

#endif
