/** Other runs of this program as processes of their own: the memory of each is its own, and its end ends
 * nothing else. */
#ifndef PROMPT_SRC_CLI_SPAWN_H
#define PROMPT_SRC_CLI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "prompt/base/str.h"

/** Starts this program with the words. Its stdout goes to stderr, or nowhere. It is killed if this process
 * is. */
int spawn_self(pid_t *child, const struct str_list *words, bool has_output);

/** Asks a child to finish (SIGINT). */
void spawn_ask(pid_t child);

/**
 * Whether a child has ended; does not wait.
 * @param exit_status  of the program; 128 + the signal that ended it
 */
int spawn_look(bool *has_ended, int *exit_status, pid_t child);

/** Waits a moment, until it is worth while to look again. */
void spawn_pause(void);

#endif
