/** Data sets by name and in groups, as in --datasets and in the data sets of an experiment. */
#ifndef PROMPT_REPORT_TARGETS_H
#define PROMPT_REPORT_TARGETS_H

#include "prompt/base/str.h"

/**
 * Adds the data sets of a list, each once, in its order. The list has these words,
 * with commas between: the name of a data set; main, the eleven of Table 1; cross,
 * those without ImageNet; domain, ImageNet's four variants; all, main and domain.
 * @return OK; ERR_USAGE for an unknown word, with the nearest data set; ERR_MEMORY
 */
int targets_parse(struct str_list *out, const char *list);

/** The name in the paper's tables, "OxfordPets", or the
 * name itself if the tables do not have it. Borrowed. */
const char *target_display_name(const char *name);

#endif
