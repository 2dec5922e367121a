/** The commands: one function each, one row each in commands.c. Results go to stdout; only main prints
 * errors. */
#ifndef PROMPT_SRC_CLI_CMD_H
#define PROMPT_SRC_CLI_CMD_H

#include "opt.h"

/** All commands, in the order of the help; ends with a NULL name. */
extern const struct command commands[];

int cmd_train(const struct opt_values *v);
int cmd_eval(const struct opt_values *v);
int cmd_grid(const struct opt_values *v);
int cmd_results(const struct opt_values *v);
int cmd_diff(const struct opt_values *v);
int cmd_bench(const struct opt_values *v);
int cmd_model_init(const struct opt_values *v);
int cmd_model_info(const struct opt_values *v);
int cmd_model_convert(const struct opt_values *v);
int cmd_data_check(const struct opt_values *v);
int cmd_data_list(const struct opt_values *v);
int cmd_data_split(const struct opt_values *v);
int cmd_data_synth(const struct opt_values *v);
int cmd_config(const struct opt_values *v);
int cmd_version(const struct opt_values *v);
int cmd_pretrain(const struct opt_values *v);

/**
 * For --resume: the configuration that the run's folder holds, then --config and the keys of the command line
 * over it, which may repeat it, not change it.
 * @return OK; ERR_USAGE naming the first key that differs; ERR_IO; ERR_FORMAT
 */
int cmd_resolve_resumed(struct config *c, const struct opt_values *v, const char *out_dir);

/** Appends the data sets of --datasets, groups spelled out; none without the option. ERR_USAGE. */
int cmd_read_targets(struct str_list *out, const struct opt_values *v);

/**
 * Writes the text to stdout at once.
 * @return OK; ERR_IO with the reason (a full disk, a closed pipe); ERR_MEMORY if the text itself failed
 */
int cmd_print(const struct str *text);

#endif
