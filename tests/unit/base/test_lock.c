/* A folder has one owner at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "prompt/base/lock.h"

/* Whether the folder is busy for another process that would lock it. */
static bool is_busy(const char *dir)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int lock = -1;
        const int status = lock_dir(&lock, dir);
        _exit(status == ERR_BUSY ? 1 : status == OK ? 0 : 2);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 0, 1);
    return WEXITSTATUS(status) == 1;
}

static void test_lock__a_locked_folder_is_busy_for_others(void **state)
{
    (void)state;
    char dir[] = "/tmp/prompt-test-lock-XXXXXX";
    int lock = -1;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(lock_dir(&lock, dir), OK);
    assert_true(is_busy(dir));
    assert_false(lock_is_ending(dir));
    lock_mark_ending(lock);
    assert_true(lock_is_ending(dir));
    lock_release(lock);
    assert_false(is_busy(dir));
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock__a_locked_folder_is_busy_for_others),
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
