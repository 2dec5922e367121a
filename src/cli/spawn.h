/** Runs this program again in processes of their own, which neither share memory nor end one another; and other
 * programs, for their output. */
#ifndef PROMPT_SRC_CLI_SPAWN_H
#define PROMPT_SRC_CLI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "prompt/base/core_set.h"
#include "prompt/base/str.h"

struct spawn_options {
    bool has_output;              /* its stdout goes to stderr, else nowhere */
    const struct core_set *cores; /* the only ones that it may use, borrowed; NULL: those of this process */
};

/** A process of this program; `{0}` is none. */
struct spawn_child {
    pid_t pid;
    int reason; /* what it writes its error to, until spawn_reason */
};

/** Starts this program with the words. It is killed when this process ends. */
int spawn_self(struct spawn_child *out, const struct str_list *words, const struct spawn_options *options);

/** Asks a child to finish (SIGINT). */
void spawn_ask(const struct spawn_child *child);
/** Ends a child at once, and waits for its end. */
void spawn_kill(struct spawn_child *child);

/**
 * Sets whether a child has ended; does not wait.
 * @param exit_status  of the program; 128 + the signal that ended it
 */
int spawn_look(bool *has_ended, int *exit_status, const struct spawn_child *child);

/** The error that a child reported before its end, "" if it reported none. To be called once, after the end. */
void spawn_reason(char *out, size_t n, struct spawn_child *child);
/** In a child: passes the error to the process that started it, if that is this program. */
void spawn_report(const char *error);

/** Waits a moment before the next look. */
void spawn_pause(void);

/**
 * Runs another program, found in PATH, to its end, or kills it after `limit_s` seconds.
 * @param out   what it writes to stdout and stderr
 * @param argv  ends with NULL
 * @return OK, whatever its exit status; ERR_IO if it cannot be run or is killed: then the exit status is 127
 */
int spawn_read(struct str *out, int *exit_status, const char *const *argv, double limit_s);

#endif
