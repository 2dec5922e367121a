/* The folder of a run: whether it is free, whom it waits for, what it leaves. */
#include "report_files.h"

#include <sys/wait.h>
#include <time.h>

#include "prompt/base/lock.h"
#include "prompt/report/folder.h"

static void test_folder__a_configuration_or_a_checkpoint_is_a_run(void **state)
{
    static const char *const signs[] = {RUN_CONFIG_FILE, RUN_CHECKPOINT_FILE};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(folder_check(*state, false, false), OK);
        put_text(*state, signs[i], "");
        assert_int_equal(folder_check(*state, false, false), ERR_USAGE);
        assert_non_null(strstr(error_message(), "holds a run already: --resume continues it"));
        assert_int_equal(folder_check(*state, true, false), OK);
        assert_int_equal(folder_check(*state, false, true), OK);
        must(folder_clear(*state));
    }
}

static void test_folder__nothing_of_a_run_is_left_but_what_is_not_its_own(void **state)
{
    static const char *const names[] = {RUN_CONFIG_FILE,  RUN_CHECKPOINT_FILE, RUN_MODEL_FILE,
                                        RUN_RESULTS_FILE, RUN_LOG_FILE,        "notes.txt"};
    for (size_t i = 0; i < 6; i++)
        put_text(*state, names[i], "");
    must(folder_clear(*state));
    for (size_t i = 0; i < 6; i++) {
        char *path = path_join(*state, names[i]);
        assert_int_equal(file_exists(path), i == 5);
        free(path);
    }
}

/* A process that has the folder for a tenth of a second and says that it ends; returns when it has it. */
static pid_t hold(const char *dir)
{
    int has_it[2];
    char byte = 0;
    assert_int_equal(pipe(has_it), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int lock = -1;
        if (lock_dir(&lock, dir) != OK)
            _exit(1);
        lock_mark_ending(lock);
        const bool is_said = write(has_it[1], "x", 1) == 1;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        _exit(is_said ? 0 : 1);
    }
    assert_int_equal(read(has_it[0], &byte, 1), 1);
    close(has_it[0]);
    close(has_it[1]);
    return child;
}

static void test_folder__a_process_that_ends_is_waited_for(void **state)
{
    struct log log;
    int lock = -1, ended = 0;
    log_init(&log, true);
    const pid_t child = hold(*state);
    must(folder_take(&lock, *state, &log));
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_int_equal(ended, 0);
    lock_release(lock);
}

#define test_in_tree(name) cmocka_unit_test_setup_teardown(name, open_tree, remove_tree)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_tree(test_folder__a_configuration_or_a_checkpoint_is_a_run),
        test_in_tree(test_folder__nothing_of_a_run_is_left_but_what_is_not_its_own),
        test_in_tree(test_folder__a_process_that_ends_is_waited_for),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
