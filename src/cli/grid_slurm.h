/** A grid as a job array of Slurm. */
#ifndef PROMPT_SRC_CLI_GRID_SLURM_H
#define PROMPT_SRC_CLI_GRID_SLURM_H

#include "grid_command.h"

extern const struct opt grid_slurm_options[];

/** ERR_USAGE for an option that means nothing without another, or a word that is no line of a script. */
int slurm_check(const struct opt_values *v);

/**
 * Writes the scripts of the array and of the table into the folder of --slurm, and the file of the tasks; with
 * --submit hands both to sbatch and prints the numbers of the jobs. The plan is made.
 */
int slurm_write(struct grid_command *c);

/** Has Slurm end a job now, and begin it again in about two minutes. ERR_IO with Slurm's reason. */
int slurm_requeue(const char *job);

/** Whether squeue knows the job as one that is at work, or cannot say. */
bool slurm_runs_job(const char *job);

#endif
