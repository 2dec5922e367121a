/** The configuration of a run that continues. */
#ifndef PROMPT_SRC_CLI_RESUME_H
#define PROMPT_SRC_CLI_RESUME_H

#include "opt.h"

/**
 * For --resume: reads the configuration in the run's folder, then --config and the keys of the command line
 * over it, which may repeat it, not change it.
 * @return OK; ERR_USAGE naming the first key that differs; ERR_IO; ERR_FORMAT
 */
int cmd_resolve_resumed(struct config *c, const struct opt_values *v, const char *out_dir);

#endif
