/** Usage texts of commands. */
#ifndef PROMPT_SRC_CLI_OPT_HELP_H
#define PROMPT_SRC_CLI_OPT_HELP_H

#include "opt.h"

/** The help of an option: its own, or that of its key; borrowed. */
const char *opt_help_of(const struct opt *opt);
/** Usage, options and notes of one command. */
void command_help(struct str *out, const struct command *command);
/** The program's help: every command of the table, which ends with NULL; with `name`, the sub-commands of
 * that command alone. */
void commands_help(struct str *out, const struct command *const *commands, const char *name);

#endif
