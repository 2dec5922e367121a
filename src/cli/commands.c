/* The commands, in the order of the help; each has its options in its own file. */
#include "commands.h"

#include <stddef.h>

#include "cmd.h"

// clang-format off
const struct command *const commands[] = {
    &command_train,
    &command_eval,
    &command_predict,
    &command_features,
    &command_import,
    &command_export,
    &command_grid,
    &command_results,
    &command_report,
    &command_diff,
    &command_bench,
    &command_pretrain,
    &command_model_init,
    &command_model_info,
    &command_model_convert,
    &command_data_list,
    &command_data_check,
    &command_data_split,
    &command_data_synth,
    &command_doctor,
    &command_config,
    &command_version,
    NULL,
};
// clang-format on

const struct command *const divided_commands[] = {&command_train, &command_eval, &command_predict,
                                                  &command_features, NULL};
