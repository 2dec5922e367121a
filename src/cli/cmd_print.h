/** Results on stdout. */
#ifndef PROMPT_SRC_CLI_CMD_PRINT_H
#define PROMPT_SRC_CLI_CMD_PRINT_H

#include "prompt/base/str.h"

/**
 * Writes the text to stdout at once.
 * @return OK; ERR_IO with the reason (a full disk, a closed pipe); ERR_MEMORY if the text itself failed
 */
int cmd_print(const struct str *text);

#endif
