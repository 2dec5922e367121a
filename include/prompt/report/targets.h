/** Names of data sets in groups: what --datasets takes, and what an experiment evaluates on. */
#ifndef PROMPT_REPORT_TARGETS_H
#define PROMPT_REPORT_TARGETS_H

#include "prompt/base/str.h"

/**
 * Adds the names that a list stands for, each once, in its order. Its words, with commas between: a data
 * set's name; main, the eleven of Table 1; cross, those without ImageNet; domain, ImageNet's four variants;
 * all, main and domain.
 * @return OK; ERR_USAGE for an unknown word, with the nearest data set; ERR_MEMORY
 */
int targets_parse(struct str_list *out, const char *list);

/** The name in the paper's tables, "OxfordPets"; the name itself if it is in no table. */
const char *target_display_name(const char *name);

#endif
