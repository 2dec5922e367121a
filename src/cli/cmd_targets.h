/** The option --datasets, which several commands take. */
#ifndef PROMPT_SRC_CLI_CMD_TARGETS_H
#define PROMPT_SRC_CLI_CMD_TARGETS_H

#include "opt.h"

/** Appends the data sets of --datasets, with groups spelled out; none without the option. ERR_USAGE. */
int cmd_read_targets(struct str_list *out, const struct opt_values *v);

#endif
