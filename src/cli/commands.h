/** The table of all commands. */
#ifndef PROMPT_SRC_CLI_COMMANDS_H
#define PROMPT_SRC_CLI_COMMANDS_H

#include "opt.h"

/** All commands, in the order of the help; ends with NULL. */
extern const struct command *const commands[];
/** Those whose work several processes may share (ranks/ranks.h); ends with NULL. */
extern const struct command *const divided_commands[];

#endif
