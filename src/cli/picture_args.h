/** What prompt predict and prompt features have in common: pictures on the command line, and classes by name. */
#ifndef PROMPT_SRC_CLI_PICTURE_ARGS_H
#define PROMPT_SRC_CLI_PICTURE_ARGS_H

#include "prompt/data/pictures.h"
#include "prompt/run/class_list.h"
#include "run_open.h"

/** Finds the pictures of the operands, and notes which other files their folders hold. `out` is owned. */
int picture_args_find(struct pictures *out, struct open_run *r);

/** Reports why a picture cannot be read, after the progress line. */
void picture_args_warn(struct open_run *r, const char *message);

/**
 * Opens the classes `names` for the run's method, or for the model alone. Comes after run_open_method.
 * @param out    owned; class_list_close frees it
 * @param names  borrowed
 * @return OK; ERR_USAGE also if the method was trained for other classes alone; the failures of class_check_equal
 */
int picture_args_open_classes(struct class_list *out, struct open_run *r, const struct str_list *names);

#endif
