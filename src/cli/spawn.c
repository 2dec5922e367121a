/* Running this program again, and other programs. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prompt/base/clock.h"
#include "prompt/base/interrupt.h"

static const char SELF[] = "/proc/self/exe";
static const char REASON_FD[] = "PROMPT_REASON_FD"; /* tells a child the descriptor */

extern char **environ;

/* ---------------------------------------------------------------- pipes */

/* A pipe whose ends are closed by exec. */
static int open_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return error_set(ERR_IO, "cannot start a program: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    return OK;
}

/* Reads until `n` bytes or the end of all writers. */
static size_t read_some(char *out, size_t n, int fd)
{
    size_t len = 0;
    ssize_t got = 0;
    while (len < n && ((got = read(fd, out + len, n - len)) > 0 || (got < 0 && errno == EINTR)))
        len += got > 0 ? (size_t)got : 0;
    return len;
}

/* ---------------------------------------------------------------- this program */

/* What the child needs, made before fork: afterwards only system calls are safe. */
struct start {
    char **argv, **envp; /* [..., NULL], owned; their texts are borrowed */
    char *reason;        /* the last of envp, owned */
    int pipe[2];
    pid_t parent;
    sigset_t mask;
};

static void free_start(struct start *s)
{
    free(s->argv);
    free(s->envp);
    free(s->reason);
}

static int make_start(struct start *s, const struct str_list *words)
{
    static char name[] = "prompt";
    size_t n = 0;
    while (environ[n])
        n++;
    *s = (struct start){.parent = getpid()};
    s->argv = calloc(words->n + 2, sizeof *s->argv);
    s->envp = calloc(n + 2, sizeof *s->envp);
    int status = s->argv && s->envp ? open_pipe(s->pipe) : error_out_of_memory();
    if (status == OK && !(s->reason = str_format("%s=%d", REASON_FD, s->pipe[1])))
        status = ERR_MEMORY;
    if (status != OK)
        return status;
    s->argv[0] = name;
    if (words->n > 0)
        memcpy(s->argv + 1, words->items, words->n * sizeof *s->argv);
    s->envp[0] = s->reason; /* before one that this process may have itself: getenv finds the first */
    memcpy(s->envp + 1, environ, n * sizeof *s->envp);
    return OK;
}

/* Between fork and exec. A signal in between ends the child at once. */
static void become(const struct start *s, const struct spawn_options *options)
{
    interrupt_uninstall();
    sigprocmask(SIG_SETMASK, &s->mask, NULL);
    const int out = options->has_output ? STDERR_FILENO : open("/dev/null", O_WRONLY | O_CLOEXEC);
    /* Ctrl-C reaches only the parent, which passes it on once: a second signal would end the child at once */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool is_placed = !options->cores || core_set_apply(options->cores);
    if (getppid() == s->parent && is_placed && dup2(out, STDOUT_FILENO) >= 0 &&
        fcntl(s->pipe[1], F_SETFD, 0) == 0)
        execve(SELF, s->argv, s->envp);
    _exit(127);
}

int spawn_self(struct spawn_child *out, const struct str_list *words, const struct spawn_options *options)
{
    struct start s;
    sigset_t asked; /* before exec, the child would handle a signal as its parent does, and lose it */
    *out = (struct spawn_child){0};
    int status = make_start(&s, words);
    if (status != OK) {
        free_start(&s);
        return status;
    }
    interrupt_signals(&asked);
    sigprocmask(SIG_BLOCK, &asked, &s.mask);
    const pid_t child = fork();
    if (child == 0)
        become(&s, options);
    sigprocmask(SIG_SETMASK, &s.mask, NULL);
    if (child < 0)
        status = error_set(ERR_IO, "cannot start a run: %s", strerror(errno));
    close(s.pipe[1]);
    if (status == OK)
        *out = (struct spawn_child){child, s.pipe[0]};
    else
        close(s.pipe[0]);
    free_start(&s);
    return status;
}

void spawn_ask(const struct spawn_child *child)
{
    kill(child->pid, SIGINT);
}

void spawn_kill(struct spawn_child *child)
{
    char ignored[1];
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    spawn_reason(ignored, sizeof ignored, child);
}

int spawn_look(bool *has_ended, int *exit_status, const struct spawn_child *child)
{
    int state = 0;
    const pid_t ended = waitpid(child->pid, &state, WNOHANG);
    *has_ended = ended == child->pid;
    if (ended < 0 && errno != EINTR)
        return error_set(ERR_IO, "cannot wait for a run: %s", strerror(errno));
    if (*has_ended)
        *exit_status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    return OK;
}

void spawn_reason(char *out, size_t n, struct spawn_child *child)
{
    out[read_some(out, n - 1, child->reason)] = '\0';
    close(child->reason);
    child->reason = -1;
}

void spawn_report(const char *error)
{
    const char *text = getenv(REASON_FD);
    int64_t fd = -1;
    struct stat info;
    if (!text || str_parse_i64(&fd, text) != OK || fd <= STDERR_FILENO || fd > 1 << 20)
        return;
    if (fstat((int)fd, &info) == 0 && S_ISFIFO(info.st_mode))
        (void)!write((int)fd, error, strlen(error)); /* less than a pipe holds */
}

void spawn_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* ---------------------------------------------------------------- other programs */

/* Whether something can be read before `end_s`, or there is nobody left to write. */
static bool is_readable(int fd, double end_s)
{
    struct pollfd ask = {.fd = fd, .events = POLLIN};
    int n = -1;
    for (double left_s = 0.0; n <= 0 && (left_s = end_s - clock_s()) > 0.0;)
        if ((n = poll(&ask, 1, 1 + (int)(1e3 * left_s))) < 0 && errno != EINTR)
            return false;
    return n > 0;
}

/* Whether the child ends before `end_s`. */
static bool has_ended_by(pid_t child, int *state, double end_s)
{
    pid_t ended = 0;
    while (((ended = waitpid(child, state, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) &&
           clock_s() < end_s)
        spawn_pause();
    return ended == child;
}

int spawn_read(struct str *out, int *exit_status, const char *const *argv, double limit_s)
{
    static const double KILL_S = 1.0; /* beyond it, a killed one hangs in its system, and is left */
    const double end_s = clock_s() + limit_s;
    int ends[2], state = 0;
    int status = open_pipe(ends);
    if (status != OK)
        return status;
    const pid_t child = fork();
    if (child == 0) {
        (void)setpgid(0, 0); /* what it starts ends with it */
        interrupt_uninstall();
        const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (dup2(in, STDIN_FILENO) >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0 &&
            dup2(ends[1], STDERR_FILENO) >= 0)
            execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    char piece[4096];
    ssize_t n = 0;
    while (child > 0 && is_readable(ends[0], end_s) && (n = read(ends[0], piece, sizeof piece)) > 0)
        str_append_n(out, piece, (size_t)n);
    close(ends[0]);
    const bool has_ended = child > 0 && has_ended_by(child, &state, end_s);
    *exit_status = has_ended && WIFEXITED(state) ? WEXITSTATUS(state) : 127;
    if (child > 0 && !has_ended) {
        (void)setpgid(child, child); /* if it has not come to that */
        (void)kill(-child, SIGKILL);
        (void)has_ended_by(child, &state, clock_s() + KILL_S);
        return error_set(ERR_IO, "'%s' does not answer within %.3g s", argv[0], limit_s);
    }
    return *exit_status == 127 ? error_set(ERR_IO, "cannot run '%s'", argv[0]) : str_status(out);
}
