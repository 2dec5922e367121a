/** Results on stdout, and the log on stderr. */
#ifndef PROMPT_SRC_CLI_CMD_PRINT_H
#define PROMPT_SRC_CLI_CMD_PRINT_H

#include "opt.h"
#include "prompt/base/log.h"

/**
 * Writes the text to stdout at once.
 * @return OK; ERR_IO with the reason (a full disk, a closed pipe); ERR_MEMORY if the text itself failed
 */
int cmd_print(const struct str *text);

/** The log of a command with --quiet; of several ranks the first alone has one. */
void cmd_open_log(struct log *out, const struct opt_values *v);

#endif
