/* Running this program again. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prompt/base/interrupt.h"

static const char SELF[] = "/proc/self/exe";

/* Between fork and exec, only system calls are safe. A signal in between ends the child at once. */
static void become(char *const *argv, pid_t parent, bool has_output, const sigset_t *mask)
{
    interrupt_uninstall();
    sigprocmask(SIG_SETMASK, mask, NULL);
    const int out = has_output ? STDERR_FILENO : open("/dev/null", O_WRONLY | O_CLOEXEC);
    /* Ctrl-C reaches only the parent, which passes it on once: a second signal would end the child at once */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && dup2(out, STDOUT_FILENO) >= 0)
        execv(SELF, argv);
    _exit(127);
}

int spawn_self(pid_t *child, const struct str_list *words, bool has_output)
{
    char **argv = calloc(words->n + 2, sizeof *argv);
    char name[] = "prompt";
    if (!argv)
        return error_out_of_memory();
    argv[0] = name;
    memcpy(argv + 1, words->items, words->n * sizeof *argv);
    const pid_t parent = getpid();
    sigset_t asked, mask; /* before exec, the child would handle a signal as its parent does, and lose it */
    interrupt_signals(&asked);
    sigprocmask(SIG_BLOCK, &asked, &mask);
    *child = fork();
    if (*child == 0)
        become(argv, parent, has_output, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    free(argv);
    return *child > 0 ? OK : error_set(ERR_IO, "cannot start a run: %s", strerror(errno));
}

void spawn_ask(pid_t child)
{
    kill(child, SIGINT);
}

int spawn_look(bool *has_ended, int *exit_status, pid_t child)
{
    int state = 0;
    const pid_t ended = waitpid(child, &state, WNOHANG);
    *has_ended = ended == child;
    if (ended < 0 && errno != EINTR)
        return error_set(ERR_IO, "cannot wait for a run: %s", strerror(errno));
    if (*has_ended)
        *exit_status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return OK;
}

void spawn_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}
