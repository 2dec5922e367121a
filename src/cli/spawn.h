/** Another run of this program as a process of its own: its memory is its own, and its end ends nothing else.
 */
#ifndef PROMPT_SRC_CLI_SPAWN_H
#define PROMPT_SRC_CLI_SPAWN_H

#include <stdbool.h>

#include "prompt/base/str.h"

/**
 * Runs this program with the words and waits. Its stdout goes to stderr. It is killed if this process is;
 * when `must_stop` becomes true it is asked once to finish (SIGINT).
 * @param exit_status  of the program; 128 + the signal that ended it
 */
int spawn_self(int *exit_status, const struct str_list *words, bool (*must_stop)(void));

#endif
