/* The cores that the process may use. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/clock.h"
#include "prompt/base/process.h"

/* The linker gives all of the program this fopen: with files here, it reads the system's from them, and each
 * processor is a core of its own. */
struct system_file {
    const char *path, *text;
};
static const struct system_file *system_files; /* ends with a path of NULL */
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (!system_files || (strncmp(path, "/sys/", 5) != 0 && strcmp(path, "/proc/self/cgroup") != 0))
        return __real_fopen(path, mode);
    for (const struct system_file *f = system_files; f->path; f++)
        if (strcmp(path, f->path) == 0)
            return fmemopen((void *)(uintptr_t)f->text, strlen(f->text), "r");
    return NULL;
}

static void test_process__cores_are_those_it_may_run_on(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    const int64_t n = process_cores();
    assert_in_range(n, 1, CPU_COUNT(&all));
    size_t first = 0;
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(process_cores(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(process_cores(), n);
}

static void test_process__cores_are_no_more_than_the_control_groups_have(void **state)
{
    (void)state;
    enum { MAX_FILES = 6 };
    static const struct {
        bool is_one; /* else all that the process may run on */
        struct system_file files[MAX_FILES];
    } machines[] = {
        {true, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "100000 100000\n"}}},
        {true, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "50000 100000\n"}}},
        {false, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "max 100000\n"}}},
        {false, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "90000000 10000\n"}}},
        {false, {{"/sys/fs/cgroup/cpu.max", "100000 100000\n"}}}, /* a system without groups */
        /* a group around the process's own has less */
        {true,
         {{"/proc/self/cgroup", "0::/user/job\n"},
          {"/sys/fs/cgroup/user/job/cpu.max", "90000000 10000\n"},
          {"/sys/fs/cgroup/user/cpu.max", "100000 100000\n"}}},
        {true,
         {{"/proc/self/cgroup", "0::/user/job\n"}, {"/sys/fs/cgroup/user/job/cpu.max", "100000 100000\n"}}},
        /* version 1, beside a version 2 without the controller; cpuset is not cpu */
        {true,
         {{"/proc/self/cgroup", "5:cpuset:/none\n4:cpu,cpuacct:/job\n0::/\n"},
          {"/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "150000\n"},
          {"/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n"}}},
        {true, /* a container: its group is the mount, whatever its name outside */
         {{"/proc/self/cgroup", "4:cpuacct,cpu:/docker/job\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
        {false,
         {{"/proc/self/cgroup", "4:cpu:/\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
        {false,
         {{"/proc/self/cgroup", "4:cpuset:/\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
          {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
    };
    cpu_set_t all;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        system_files = machines[i].files;
        assert_int_equal(process_cores(), machines[i].is_one ? 1 : CPU_COUNT(&all));
    }
    system_files = NULL;
}

/* Slurm need not bind a process to what it lends. */
static void test_process__cores_are_no_more_than_slurm_lends(void **state)
{
    (void)state;
    static const struct {
        const char *lent;
        bool is_one; /* else as without it */
    } cases[] = {{"1", true}, {"4096", false}, {"0", false}, {"none", false}};
    const int64_t n = process_cores();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(setenv("SLURM_CPUS_ON_NODE", cases[i].lent, 1), 0);
        assert_int_equal(process_cores(), cases[i].is_one ? 1 : n);
    }
    assert_int_equal(unsetenv("SLURM_CPUS_ON_NODE"), 0);
}

/* Computes for a fifth of a second. */
static void *compute(void *user)
{
    const double end_s = clock_s() + 0.2;
    while (clock_s() < end_s)
        ;
    return user;
}

static void test_process__delay_is_the_wait_of_its_threads_for_a_processor(void **state)
{
    (void)state;
    cpu_set_t all, one;
    pthread_t other;
    size_t first = 0;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    const double before_s = process_delay_s();
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0); /* both threads share a processor */
    assert_int_equal(pthread_create(&other, NULL, compute, NULL), 0);
    (void)compute(NULL);
    const double delay_s = process_delay_s() - before_s;
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    if (process_delay_s() == 0.0)
        print_message("delay: the system does not tell\n");
    else
        assert_true(delay_s > 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process__cores_are_those_it_may_run_on),
        cmocka_unit_test(test_process__cores_are_no_more_than_the_control_groups_have),
        cmocka_unit_test(test_process__cores_are_no_more_than_slurm_lends),
        cmocka_unit_test(test_process__delay_is_the_wait_of_its_threads_for_a_processor),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
