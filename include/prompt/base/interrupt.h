/**
 * Signals that ask the program to save and stop: SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU.
 *
 * The first signal asks the loops to finish their step and save. Slurm sends SIGTERM up to three times within
 * 20 ms, so a later signal ends the process only a second or more after the first, or if it is Ctrl-C on a
 * terminal: two key presses end the process. SIGXCPU, which the kernel repeats each second, never does.
 * SIGQUIT (Ctrl-\) keeps its default action: it ends the process at once.
 */
#ifndef PROMPT_BASE_INTERRUPT_H
#define PROMPT_BASE_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/** Installs the handlers. A signal that was ignored at the start (nohup) stays ignored, except SIGINT and
 * SIGTERM: shells start background jobs of scripts with SIGINT ignored, and it should stop them. */
void interrupt_install(void);
/** Restores the default actions; for a child between fork and exec. Async-signal-safe. */
void interrupt_uninstall(void);
/** The set of these signals, for blocking them. */
void interrupt_signals(sigset_t *out);
/** Whether one of the signals has come. */
bool interrupt_requested(void);
/** The number of the first of them that has come; 0: none. */
int interrupt_signal(void);
/** ERR_INTERRUPTED if a signal has come; for checks before the first step, with nothing to save yet. */
int interrupt_check_begin(void);
/** The same ERR_INTERRUPTED for a signal that has come to another process of the command. */
int interrupt_fail_begin(void);

/** Blocks until the first signal comes or interrupt_wake is called. Returns whether a signal has come. */
bool interrupt_wait(void);
void interrupt_wake(void);

#endif
