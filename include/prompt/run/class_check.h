/** Checks of class names before minutes of work are spent on them. */
#ifndef PROMPT_RUN_CLASS_CHECK_H
#define PROMPT_RUN_CLASS_CHECK_H

#include "prompt/run/class_list.h"

/**
 * Marks the lists that an evaluation of the configured training uses, by enum class_subset: all for a
 * training on all classes, else base and new; only the trained one if each class has vectors of its own.
 */
void class_check_lists(bool out[3], const struct config *config);

/**
 * Tokenizes the names of a subset as training and evaluation do; the session's model must be open. Warns of a
 * single class, and of classes with equal captions.
 * @return OK; ERR_USAGE, ERR_FORMAT naming data set and class if a name does not fit or cannot be tokenized
 */
int class_check(struct session *s, const struct dataset *d, enum class_subset subset);

/** Warns of classes of a tokenized list with equal captions: names three pairs and counts the others; `whose`
 * begins the warning. */
int class_check_equal(struct session *s, const char *whose, const struct class_list *list);

#endif
