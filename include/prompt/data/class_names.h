/** Class names that a user gives, without a data set. */
#ifndef PROMPT_DATA_CLASS_NAMES_H
#define PROMPT_DATA_CLASS_NAMES_H

#include "prompt/base/str.h"

/**
 * Adds the names of "a cat,a dog" to `out`; white space around a name does not count.
 * @return OK; ERR_USAGE for an empty name or one that is given twice; ERR_MEMORY
 */
int class_names_split(struct str_list *out, const char *text);

/**
 * Adds the names of a file to `out`, one a line; empty lines at its end do not count.
 * @return OK; ERR_IO; ERR_FORMAT with file and line for an empty line or a name that is there twice, and for a
 *         file without names; ERR_MEMORY
 */
int class_names_read(struct str_list *out, const char *path);

/** Orders names as strcmp does, with underscores as spaces, as captions have them: 0 for the same class. */
int class_names_compare(const char *a, const char *b);

#endif
