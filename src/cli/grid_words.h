/* The words of the commands that do a job of a grid. */
#ifndef PROMPT_SRC_CLI_GRID_WORDS_H
#define PROMPT_SRC_CLI_GRID_WORDS_H

#include "prompt/grid/job.h"

/* Appends the words of `prompt train`. */
int grid_train_words(struct str_list *out, const struct grid_setup *s, const struct grid_job *job);
/* Appends the words of `prompt eval`. */
int grid_eval_words(struct str_list *out, const struct grid_setup *s, const struct grid_job *job);

#endif
