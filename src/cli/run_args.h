/** The options that prompt train and prompt pretrain share: the run folder, and how far to go. */
#ifndef PROMPT_SRC_CLI_RUN_ARGS_H
#define PROMPT_SRC_CLI_RUN_ARGS_H

#include "opt.h"
#include "prompt/run/run_files.h"

/**
 * Reads --out, --resume, --force and --max-steps.
 * @param out_dir       receives the folder as an absolute path, owned, so that messages name it from anywhere
 * @param needs_folder  whether --out must be given; --resume always needs it
 */
int run_args_read(struct run_options *out, char **out_dir, const struct opt_values *v, bool needs_folder);

/**
 * Resolves the configuration. For --resume it is that of the run's folder; --config and the keys of the
 * command line may repeat it, not change it.
 * @return OK; ERR_USAGE naming the first key that differs; ERR_IO; ERR_FORMAT
 */
int run_args_resolve(struct config *c, const struct opt_values *v, const struct run_options *options);

#endif
