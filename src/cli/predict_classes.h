/** The classes of prompt predict: given by name, those of a data set, or those of the run. */
#ifndef PROMPT_SRC_CLI_PREDICT_CLASSES_H
#define PROMPT_SRC_CLI_PREDICT_CLASSES_H

#include "run_open.h"

/**
 * Adds the names of --class-names, --classes-file or --classes, else of the classes that the run was trained
 * on. The session must be open for --classes, without its model.
 * @return OK; ERR_USAGE for more than one of these options, or none and no run; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int predict_classes_find(struct str_list *out, struct open_run *r);

#endif
