/** Checks before a training: everything that can be known of its later evaluation. */
#ifndef PROMPT_SRC_RUN_TRAIN_CHECK_H
#define PROMPT_SRC_RUN_TRAIN_CHECK_H

#include "prompt/run/session.h"

/**
 * Checks the names and pictures of the classes that will be evaluated; the session's model must be open.
 * Warns of missing test images and of targets that are not there.
 * @param targets  names of other data sets to evaluate; NULL: none
 * @return OK; ERR_FORMAT for a data set of one class; ERR_USAGE, ERR_FORMAT for a name, as class_check
 */
int train_check(struct session *s, struct dataset *d, const struct str_list *targets);

#endif
