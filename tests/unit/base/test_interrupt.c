/* Which signal asks, and which ends the process. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "prompt/base/interrupt.h"

/* How a process ends that gets `first`, then after `wait_us` `second`: the signal that ended it, or 0. */
static int ended_by(int first, int wait_us, int second)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        interrupt_install();
        raise(first);
        usleep((useconds_t)wait_us);
        raise(second);
        _exit(interrupt_requested() ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_interrupt__only_a_late_second_signal_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(ended_by(SIGTERM, 0, SIGTERM), 0);
    assert_int_equal(ended_by(SIGTERM, 1100000, SIGTERM), SIGTERM);
    assert_int_equal(ended_by(SIGTERM, 1100000, SIGXCPU), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interrupt__only_a_late_second_signal_ends_the_process),
    };
    return cmocka_run_group_tests_name("interrupt", tests, NULL, NULL);
}
