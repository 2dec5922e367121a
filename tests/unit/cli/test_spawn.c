/* The program that runs itself again: here this test, with a word that says how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "spawn.h"

/* The exit status of this program with `word`. */
static int status_of(const char *word)
{
    struct str_list words = {0};
    pid_t child = 0;
    bool has_ended = false;
    int exit_status = -1;
    assert_int_equal(str_list_add(&words, word), OK);
    assert_int_equal(spawn_self(&child, &words, false), OK);
    str_list_free(&words);
    while (!has_ended) {
        spawn_pause();
        assert_int_equal(spawn_look(&has_ended, &exit_status, child), OK);
    }
    return exit_status;
}

static void test_spawn__tells_how_a_run_ended(void **state)
{
    (void)state;
    assert_int_equal(status_of("0"), 0);
    assert_int_equal(status_of("3"), 3);
    assert_int_equal(status_of("killed"), 128 + SIGKILL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "killed") == 0)
        (void)raise(SIGKILL);
    if (argc > 1)
        return (int)strtol(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spawn__tells_how_a_run_ended),
    };
    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
