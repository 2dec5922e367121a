/** The lists of images and the names of classes that prompt eval evaluates, checked before its first
 * image. */
#ifndef PROMPT_SRC_CLI_EVAL_DATA_H
#define PROMPT_SRC_CLI_EVAL_DATA_H

#include "eval_resolve.h"

/** The images of a list, after --limit; an empty list is an error, and so is a missing image. */
int eval_list_images(struct item_list *out, const struct evaluation *e, const struct dataset *d,
                     enum class_subset subset);
/**
 * Opens every data set and checks every list, before the model. A list that cannot be evaluated is left out
 * if another one of its data set can be. A data set without any list is an error if it is the only one; among
 * several it is reported.
 */
int eval_open_datasets(struct evaluation *e);
/** Checks the names of classes likewise; the model must be open. */
int eval_check_names(struct evaluation *e);
/** Leaves a list of data set i out that failed with `status`; that status if it is the last, or must
 * end all. */
int eval_leave_out(struct evaluation *e, size_t i, enum class_subset subset, int status);
/** Whether no list of data set i is left out. */
bool eval_is_whole(const struct evaluation *e, size_t i);

#endif
