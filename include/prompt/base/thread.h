/** Threads that signals do not reach. */
#ifndef PROMPT_BASE_THREAD_H
#define PROMPT_BASE_THREAD_H

#include <pthread.h>

#include "prompt/base/error.h"

/**
 * Starts a thread that runs run(user) with every signal blocked but those of faults: Ctrl-C is for the
 * program's own threads, and must not interrupt a read in this one.
 * @return OK; ERR_MEMORY with the system's reason and what to change
 */
int thread_start(pthread_t *out, void *(*run)(void *), void *user);

#endif
