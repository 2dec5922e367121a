/* Running this program again. */
#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char SELF[] = "/proc/self/exe";

/* Between fork and exec: system calls alone. */
static void become(char *const *argv, pid_t parent)
{
    setpgid(0, 0); /* Ctrl-C reaches the parent, which passes it on once: a second one would end it at once */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        execv(SELF, argv);
    _exit(127);
}

/* Asking now and then leaves no moment in which a signal could be missed. */
static int wait_for(int *exit_status, pid_t child, bool (*must_stop)(void))
{
    static const struct timespec pause = {.tv_nsec = 20000000};
    bool is_asked = false;
    int state = 0;
    for (;;) {
        const pid_t ended = waitpid(child, &state, WNOHANG);
        if (ended == child)
            break;
        if (ended < 0 && errno != EINTR)
            return error_set(ERR_IO, "cannot wait for a run: %s", strerror(errno));
        if (!is_asked && must_stop()) {
            kill(child, SIGINT);
            is_asked = true;
        }
        nanosleep(&pause, NULL);
    }
    *exit_status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return OK;
}

int spawn_self(int *exit_status, const struct str_list *words, bool (*must_stop)(void))
{
    char **argv = calloc(words->n + 2, sizeof *argv);
    char name[] = "prompt";
    if (!argv)
        return error_out_of_memory();
    argv[0] = name;
    memcpy(argv + 1, words->items, words->n * sizeof *argv);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0)
        become(argv, parent);
    free(argv);
    if (child < 0)
        return error_set(ERR_IO, "cannot start a run: %s", strerror(errno));
    return wait_for(exit_status, child, must_stop);
}
