/*
 * The program with the commands alone that need no libtorch, for their tests: of the 0.25 s that a run of
 * prompt takes, libtorch's initialization is 0.24 s. All code but this table is the program's.
 */
#include <stddef.h>

#include "cmd.h"
#include "commands.h"
#include "prompt/torch/torch.h"

const struct command *const commands[] = {
    &command_results,    &command_diff,       &command_data_list, &command_data_check,
    &command_data_split, &command_data_synth, &command_config,    NULL,
};

const struct command *const divided_commands[] = {NULL};

void torch_on_uncaught(void (*report)(void))
{
    (void)report;
}
