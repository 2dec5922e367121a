/**
 * Signals that ask the program to save and stop: SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU.
 *
 * The first one asks the loops to finish their step and save. Slurm sends SIGTERM up to three times within
 * 20 ms, so a later one ends the process only a second or more after the first, or if it is Ctrl-C on a
 * terminal: two key presses end it. SIGXCPU, which the kernel repeats each second, never does. SIGQUIT
 * (Ctrl-\) is not taken: it ends the process at once.
 */
#ifndef PROMPT_BASE_INTERRUPT_H
#define PROMPT_BASE_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/** Takes these signals over. One that was ignored at the start stays so (nohup), but for SIGINT and SIGTERM:
 * a script's background job has SIGINT ignored, and is stopped by it none the less. */
void interrupt_install(void);
/** Gives them back their default action; for a child between fork and exec. Async-signal-safe. */
void interrupt_uninstall(void);
/** The set of these signals, to block them for a while. */
void interrupt_signals(sigset_t *out);
bool interrupt_requested(void);
/** ERR_INTERRUPTED if a signal has come before there is anything to save; asked between parts of the opening.
 */
int interrupt_check_begin(void);

/** Waits in a thread until the first signal comes or interrupt_wake is called; whether one has come. */
bool interrupt_wait(void);
void interrupt_wake(void);

#endif
