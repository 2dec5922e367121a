/** The commands, each in a file of its own (cmd_*.c) with its options. Results go to stdout; only main prints
 * errors. */
#ifndef PROMPT_SRC_CLI_CMD_H
#define PROMPT_SRC_CLI_CMD_H

#include "opt.h"

extern const struct command command_train;
extern const struct command command_eval;
extern const struct command command_predict;
extern const struct command command_features;
extern const struct command command_import;
extern const struct command command_export;
extern const struct command command_grid;
extern const struct command command_results;
extern const struct command command_report;
extern const struct command command_diff;
extern const struct command command_bench;
extern const struct command command_pretrain;
extern const struct command command_model_init;
extern const struct command command_model_info;
extern const struct command command_model_convert;
extern const struct command command_data_list;
extern const struct command command_data_check;
extern const struct command command_data_split;
extern const struct command command_data_synth;
extern const struct command command_doctor;
extern const struct command command_config;
extern const struct command command_version;

#endif
