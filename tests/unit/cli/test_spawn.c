/* The program that runs itself again: here this test, with a word that says how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/clock.h"
#include "spawn.h"

/* The exit status of this program with `word`; `reason` [64] is what it reported. */
static int status_of(char *reason, const char *word, const struct core_set *cores)
{
    struct str_list words = {0};
    struct spawn_child child;
    const struct spawn_options options = {.cores = cores};
    bool has_ended = false;
    int exit_status = -1;
    assert_int_equal(str_list_add(&words, word), OK);
    assert_int_equal(spawn_self(&child, &words, &options), OK);
    str_list_free(&words);
    while (!has_ended) {
        spawn_pause();
        assert_int_equal(spawn_look(&has_ended, &exit_status, &child), OK);
    }
    spawn_reason(reason, 64, &child);
    return exit_status;
}

static void test_spawn__tells_how_a_run_ended_and_why(void **state)
{
    (void)state;
    char reason[64];
    assert_int_equal(status_of(reason, "0", NULL), 0);
    assert_string_equal(reason, "");
    assert_int_equal(status_of(reason, "3", NULL), 3);
    assert_string_equal(reason, "ends with 3");
    assert_int_equal(status_of(reason, "killed", NULL), 128 + SIGKILL);
    assert_string_equal(reason, "");
}

static void test_spawn__a_run_stays_on_its_cores(void **state)
{
    (void)state;
    struct core_set all, one = {0};
    char reason[64];
    core_set_allowed(&all, 0);
    const size_t first = core_set_first(&all, &(struct core_set){0}, false);
    char text[16];
    (void)snprintf(text, sizeof text, "%zu", first);
    assert_int_equal(core_set_parse(&one, text), OK);
    assert_int_equal(status_of(reason, "cores", &one), 1);
    assert_int_equal(status_of(reason, "cores", NULL), (int)core_set_count(&all));
}

static void test_spawn__another_program_is_read(void **state)
{
    (void)state;
    struct str out = {0};
    int exit_status = -1;
    const char *const words[] = {"sh", "-c", "echo a; echo b >&2; exit 4", NULL};
    assert_int_equal(spawn_read(&out, &exit_status, words, 60.0), OK);
    assert_int_equal(exit_status, 4);
    assert_string_equal(str_text(&out), "a\nb\n");
    const char *const none[] = {"prompt-is-not-there", NULL};
    assert_int_equal(spawn_read(&out, &exit_status, none, 60.0), ERR_IO);
    str_free(&out);
}

static void test_spawn__another_program_that_hangs_is_killed(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "echo a; sleep 30; echo b",             /* its child keeps the pipe, and ends with it */
        "trap '' TERM; exec >&- 2>&-; sleep 30" /* it has nothing more to say */
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct str out = {0};
        int exit_status = -1;
        const char *const words[] = {"sh", "-c", scripts[i], NULL};
        const double start_s = clock_s();
        assert_int_equal(spawn_read(&out, &exit_status, words, 0.5), ERR_IO);
        assert_string_equal(error_message(), "'sh' does not answer within 0.5 s");
        assert_true(clock_s() - start_s < 10.0);
        assert_int_equal(exit_status, 127);
        str_free(&out);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "killed") == 0)
        (void)raise(SIGKILL);
    if (argc > 1 && strcmp(argv[1], "cores") == 0) {
        struct core_set cores;
        core_set_allowed(&cores, 0);
        return (int)core_set_count(&cores);
    }
    if (argc > 1) {
        char reason[32];
        (void)snprintf(reason, sizeof reason, "ends with %s", argv[1]);
        if (strcmp(argv[1], "0") != 0)
            spawn_report(reason);
        return (int)strtol(argv[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spawn__tells_how_a_run_ended_and_why),
        cmocka_unit_test(test_spawn__a_run_stays_on_its_cores),
        cmocka_unit_test(test_spawn__another_program_is_read),
        cmocka_unit_test(test_spawn__another_program_that_hangs_is_killed),
    };
    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
