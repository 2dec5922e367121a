/** Runs this program again in processes of their own, which neither share memory nor end one another. */
#ifndef PROMPT_SRC_CLI_SPAWN_H
#define PROMPT_SRC_CLI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "prompt/base/str.h"

/** Starts this program with the words. Its stdout goes to stderr, or nowhere. It is killed when this process
 * ends. */
int spawn_self(pid_t *child, const struct str_list *words, bool has_output);

/** Asks a child to finish (SIGINT). */
void spawn_ask(pid_t child);

/**
 * Sets whether a child has ended; does not wait.
 * @param exit_status  of the program; 128 + the signal that ended it
 */
int spawn_look(bool *has_ended, int *exit_status, pid_t child);

/** Waits a moment before the next look. */
void spawn_pause(void);

#endif
