/* The one flag that a signal handler may set. */
#include "prompt/run/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t s_requested; /* signals leave no other way than a static */

static void on_signal(int number)
{
    (void)number;
    s_requested = 1;
}

void interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupt_requested(void)
{
    return s_requested != 0;
}
