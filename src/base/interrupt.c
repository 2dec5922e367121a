/* Signal handlers touch two atomic numbers and one semaphore, nothing else. */
#include "prompt/base/interrupt.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "prompt/base/error.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };

static const int64_t SECOND_NS = 1000000000, BOUNCE_NS = 50000000;

/* Handlers have no argument of ours, so these must be static. */
static _Atomic int64_t s_first_ns; /* time of the first signal, odd for a key press; 0: none */
static _Atomic int s_number;
static sem_t s_come;

/* On the monotonic clock, even and never 0. */
static int64_t now_ns(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    const int64_t ns = t.tv_sec * SECOND_NS + t.tv_nsec;
    return (ns & ~INT64_C(1)) + 2;
}

/* Whether a later signal ends the process. */
static bool must_end(int number, bool is_key, int64_t now, int64_t first)
{
    const int64_t elapsed = now - (first & ~INT64_C(1));
    const bool first_is_key = (first & 1) != 0;
    if (number == SIGXCPU)
        return false;
    return elapsed >= SECOND_NS || (is_key && (first_is_key || elapsed >= BOUNCE_NS));
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    const bool is_key = number == SIGINT && info->si_code == SI_KERNEL; /* of a terminal */
    const int64_t now = now_ns();
    int64_t first = 0;
    if (atomic_compare_exchange_strong(&s_first_ns, &first, now | (is_key ? 1 : 0))) {
        atomic_store(&s_number, number);
        sem_post(&s_come);
        return;
    }
    if (!must_end(number, is_key, now, first))
        return;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
    raise(number); /* arrives when this handler returns */
}

void interrupt_install(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    interrupt_signals(&action.sa_mask);
    sem_init(&s_come, 0, 0);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        struct sigaction before;
        sigaction(numbers[i], NULL, &before);
        if (before.sa_handler != SIG_IGN || numbers[i] == SIGINT || numbers[i] == SIGTERM)
            sigaction(numbers[i], &action, NULL);
    }
}

void interrupt_uninstall(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        struct sigaction now;
        if (sigaction(numbers[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0)
            sigaction(numbers[i], &action, NULL);
    }
}

void interrupt_signals(sigset_t *out)
{
    sigemptyset(out);
    for (size_t i = 0; i < N_NUMBERS; i++)
        sigaddset(out, numbers[i]);
}

bool interrupt_requested(void)
{
    return atomic_load(&s_first_ns) != 0;
}

int interrupt_signal(void)
{
    return atomic_load(&s_number);
}

int interrupt_check_begin(void)
{
    return interrupt_requested() ? interrupt_fail_begin() : OK;
}

int interrupt_fail_begin(void)
{
    return error_set(ERR_INTERRUPTED, "interrupted before the first step; nothing was changed");
}

bool interrupt_wait(void)
{
    while (sem_wait(&s_come) != 0) /* EINTR */
        ;
    return interrupt_requested();
}

void interrupt_wake(void)
{
    sem_post(&s_come);
}
