/* The event file after a kill, durations, and what quiet leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/log.h"
#include "temp_dir.h"

static int setup(void **state)
{
    static struct temp_dir dir;
    *state = &dir;
    return temp_dir_open(&dir);
}

static int teardown(void **state)
{
    temp_remove(*state, "log.jsonl");
    return temp_dir_close(*state);
}

/* ---------------------------------------------------------------- event file */

static void put(const struct temp_dir *dir, const char *text)
{
    assert_int_equal(file_write_atomic(temp_path(dir, "log.jsonl"), text, strlen(text)), OK);
}

static void expect_text(const struct temp_dir *dir, const char *want)
{
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_read(&text, &n, temp_path(dir, "log.jsonl")), OK);
    assert_string_equal(text, want);
    free(text);
}

/* Opens after `last_step`, writes one more record, closes. */
static void append_after(const struct temp_dir *dir, int64_t last_step, const char *record)
{
    struct event_log log;
    struct str text = {0};
    str_append(&text, record);
    if (event_log_open(&log, temp_path(dir, "log.jsonl"), last_step) != OK)
        fail_msg("%s", error_message());
    assert_int_equal(event_log_write(&log, &text), OK);
    event_log_close(&log);
    str_free(&text);
}

static void test_log__a_new_file_holds_one_record_a_line(void **state)
{
    append_after(*state, -1, "{\"step\": 1}");
    append_after(*state, 1, "{\"step\": 2}");
    expect_text(*state, "{\"step\": 1}\n{\"step\": 2}\n");
}

static void test_log__a_negative_step_starts_anew(void **state)
{
    put(*state, "{\"step\": 1}\n{\"step\": 2}\n");
    append_after(*state, -1, "{\"step\": 1, \"run\": 2}");
    expect_text(*state, "{\"step\": 1, \"run\": 2}\n");
}

static void test_log__records_after_the_checkpoint_are_removed(void **state)
{
    put(*state, "{\"step\": 1}\n{\"step\": 2}\n{\"step\": 3}\n{\"step\": 4}\n");
    append_after(*state, 2, "{\"step\": 3, \"again\": true}");
    expect_text(*state, "{\"step\": 1}\n{\"step\": 2}\n{\"step\": 3, \"again\": true}\n");
}

static void test_log__a_torn_last_line_is_removed(void **state)
{
    put(*state, "{\"step\": 1}\n{\"step\": 2, \"lo");
    append_after(*state, 5, "{\"step\": 6}");
    expect_text(*state, "{\"step\": 1}\n{\"step\": 6}\n");
}

/* Whole as JSON, but its line's end is missing: the next record would be glued to it. */
static void test_log__a_line_without_its_end_is_torn(void **state)
{
    put(*state, "{\"step\": 1}\n{\"step\": 2}");
    append_after(*state, 2, "{\"step\": 3}");
    expect_text(*state, "{\"step\": 1}\n{\"step\": 3}\n");
}

static void test_log__a_line_that_is_no_record_ends_what_is_kept(void **state)
{
    put(*state, "{\"step\": 1}\nnoise\n{\"step\": 2}\n");
    append_after(*state, 9, "{\"step\": 10}");
    expect_text(*state, "{\"step\": 1}\n{\"step\": 10}\n");
    assert_string_equal(error_message(), ""); /* and is no failure */
}

static void test_log__a_folder_that_is_not_there_is_an_error(void **state)
{
    struct event_log log;
    assert_int_equal(event_log_open(&log, temp_path(*state, "missing/log.jsonl"), -1), ERR_IO);
    assert_non_null(strstr(error_message(), "missing/log.jsonl': No such file or directory"));
    event_log_close(&log); /* of a log that did not open: a no-op */
}

/* ---------------------------------------------------------------- durations */

static void test_log__durations_read_like_a_clock(void **state)
{
    (void)state;
    const struct {
        double seconds;
        const char *want;
    } cases[] = {{0, "0s"},        {12.4, "12s"},   {59.4, "59s"},   {59.6, "1m00s"},     {200, "3m20s"},
                 {3599, "59m59s"}, {3600, "1h00m"}, {7500, "2h05m"}, {360000, "100h00m"}, {-3, "0s"},
                 {0.31, "0.3s"},   {0.04, "0.04s"}, {0.6, "1s"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        format_duration(text, sizeof text, cases[i].seconds);
        assert_string_equal(text, cases[i].want);
    }
}

static void test_log__the_clock_does_not_go_back(void **state)
{
    (void)state;
    double before = clock_s();
    for (int i = 0; i < 1000; i++) {
        const double now = clock_s();
        assert_true(now >= before);
        before = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log__a_new_file_holds_one_record_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log__a_negative_step_starts_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log__records_after_the_checkpoint_are_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log__a_torn_last_line_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log__a_line_without_its_end_is_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log__a_line_that_is_no_record_ends_what_is_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_log__a_folder_that_is_not_there_is_an_error, setup, teardown),
        cmocka_unit_test(test_log__durations_read_like_a_clock),
        cmocka_unit_test(test_log__the_clock_does_not_go_back),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
