/* Starting threads. */
#include "prompt/base/thread.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

int thread_start(pthread_t *out, void *(*run)(void *), void *user)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const int reason = pthread_create(out, NULL, run, user);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reason == 0
               ? OK
               : error_set(ERR_MEMORY,
                           "cannot start a thread: %s; fewer data.workers or --threads need less, and "
                           "ulimit -u and -v limit it",
                           strerror(reason));
}
