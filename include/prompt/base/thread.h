/** Starting threads. */
#ifndef PROMPT_BASE_THREAD_H
#define PROMPT_BASE_THREAD_H

#include <pthread.h>

#include "prompt/base/error.h"

/**
 * Starts a thread that runs run(user) with all signals blocked except those of faults: Ctrl-C is for the main
 * thread, and must not interrupt a read in this one.
 * @param user  borrowed while the thread runs
 * @return OK; ERR_MEMORY with the system's reason and a remedy
 */
int thread_start(pthread_t *out, void *(*run)(void *), void *user);

#endif
