/*
 * Preloaded by the end-to-end tests: stops the program at an exact moment.
 *
 *     STOP_AT=CALL:TEXT:N[:US[:SIGNAL]]
 *
 * At the N-th CALL on a file whose path holds TEXT the process gets SIGNAL (9 unless given), US microseconds
 * later, from a thread of its own if US is not 0; with SIGNAL 0 the call itself comes US later. CALL is open, write (half of the bytes arrive), flush,
 * sync, rename (before it happens) or renamed (after it happened).
 *
 *     STOP_MEMORY=MIB
 *
 * Instead of a signal, the process gets no more than MIB MiB of address space beyond what it has.
 *
 *     LIST_OPENS=FILE
 *
 * appends the path of each opened file to FILE, one a line.
 *
 *     CLOCK_RATE=N
 *
 * lets the monotonic clock run N times as fast.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct {
    char call[16];
    char text[128];
    int n;
    int delay_us;
    int signal;
} s_plan;
static int s_count;     /* of matching calls, changed atomically */
static int s_list = -1; /* file descriptor */
static int s_rate = 1;
static long s_memory_mib; /* 0: a signal */
static __thread int tl_inside;

__attribute__((constructor)) static void read_plan(void)
{
    const char *plan = getenv("STOP_AT");
    s_plan.signal = SIGKILL;
    if (plan && sscanf(plan, "%15[^:]:%127[^:]:%d:%d:%d", s_plan.call, s_plan.text, &s_plan.n,
                       &s_plan.delay_us, &s_plan.signal) < 3)
        _exit(99);
    const char *list = getenv("LIST_OPENS");
    if (list && (s_list = creat(list, 0666)) < 0)
        _exit(99);
    const char *rate = getenv("CLOCK_RATE");
    s_rate = rate ? (int)strtol(rate, NULL, 10) : 1;
    const char *memory = getenv("STOP_MEMORY");
    s_memory_mib = memory ? strtol(memory, NULL, 10) : 0;
    unsetenv("LD_PRELOAD");
}

static void *stop_later(void *user)
{
    (void)user;
    usleep((useconds_t)s_plan.delay_us);
    kill(getpid(), s_plan.signal);
    return NULL;
}

static void end_memory(void)
{
    struct rlimit limit = {0};
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld", &pages) != 1 || getrlimit(RLIMIT_AS, &limit) != 0)
        _exit(99);
    fclose(f);
    limit.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)s_memory_mib << 20);
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        _exit(99);
}

static void stop(void)
{
    pthread_t thread;
    if (s_memory_mib > 0)
        end_memory();
    else if (s_plan.signal == 0)
        usleep((useconds_t)s_plan.delay_us);
    else if (s_plan.delay_us == 0 || pthread_create(&thread, NULL, stop_later, NULL) != 0)
        kill(getpid(), s_plan.signal);
}

/* Whether this call is the one. */
static int is_it(const char *call, const char *path)
{
    return strcmp(call, s_plan.call) == 0 && strstr(path, s_plan.text) &&
           __atomic_add_fetch(&s_count, 1, __ATOMIC_SEQ_CST) == s_plan.n;
}

static const char *path_of(char *out, size_t n, int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, n - 1);
    out[length > 0 ? length : 0] = '\0';
    return out;
}

int open(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "open");
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    if (is_it("open", path))
        stop();
    if (s_list >= 0)
        dprintf(s_list, "%s\n", path);
    return next(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
    int status = next(clock, out);
    if (clock == CLOCK_MONOTONIC && s_rate > 1) {
        const long long ns = s_rate * (1000000000LL * out->tv_sec + out->tv_nsec);
        *out = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    }
    return status;
}

size_t fwrite(const void *data, size_t size, size_t n, FILE *stream)
{
    static size_t (*next)(const void *, size_t, size_t, FILE *);
    char path[4096];
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "fwrite");
    if (!tl_inside && fileno(stream) > 2 && is_it("write", path_of(path, sizeof path, fileno(stream)))) {
        tl_inside = 1;
        next(data, 1, size * n / 2, stream);
        fflush(stream);
        tl_inside = 0;
        stop();
    }
    return next(data, size, n, stream);
}

int fflush(FILE *stream)
{
    static int (*next)(FILE *);
    char path[4096];
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "fflush");
    int status = next(stream);
    if (!tl_inside && stream && fileno(stream) > 2 &&
        is_it("flush", path_of(path, sizeof path, fileno(stream))))
        stop();
    return status;
}

int fsync(int fd)
{
    static int (*next)(int);
    char path[4096];
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "fsync");
    if (is_it("sync", path_of(path, sizeof path, fd)))
        stop();
    return next(fd);
}

int rename(const char *from, const char *to)
{
    static int (*next)(const char *, const char *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "rename");
    if (is_it("rename", to))
        stop();
    int status = next(from, to);
    if (is_it("renamed", to))
        stop();
    return status;
}
