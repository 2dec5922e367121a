/* The cores that the process may use. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/process.h"
#include "temp_dir.h"

/* The linker gives all of the program this fopen: with a path here, it reads the control group's quota from
 * there, and each processor is a core of its own. */
static const char *cpu_max_path;
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (!cpu_max_path || strncmp(path, "/sys/", 5) != 0)
        return __real_fopen(path, mode);
    return strcmp(path, "/sys/fs/cgroup/cpu.max") == 0 ? __real_fopen(cpu_max_path, mode) : NULL;
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

static void test_process__cores_are_no_more_than_the_control_group_has(void **state)
{
    (void)state;
    static const char *const texts[] = {"100000 100000\n", "50000 100000\n", "max 100000\n",
                                        "90000000 10000\n"};
    cpu_set_t all;
    struct temp_dir dir;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(temp_dir_open(&dir), 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(file_write_atomic(temp_path(&dir, "cpu.max"), texts[i], strlen(texts[i])), OK);
        cpu_max_path = temp_path(&dir, "cpu.max");
        assert_int_equal(process_cores(), i < 2 ? 1 : CPU_COUNT(&all));
    }
    cpu_max_path = NULL;
    temp_remove(&dir, "cpu.max");
    assert_int_equal(temp_dir_close(&dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process__cores_are_those_it_may_run_on),
        cmocka_unit_test(test_process__cores_are_no_more_than_the_control_group_has),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
