/* The array that result records are appended to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/str.h"
#include "prompt/report/results_file.h"
#include "temp_dir.h"

static int setup(void **state)
{
    static struct temp_dir dir;
    *state = &dir;
    return temp_dir_open(&dir);
}

static int teardown(void **state)
{
    temp_remove(*state, "results.json");
    temp_remove(*state, ".results.lock");
    return temp_dir_close(*state);
}

static void put(const struct temp_dir *dir, const char *text)
{
    assert_int_equal(file_write_atomic(temp_path(dir, "results.json"), text, strlen(text)), OK);
}

static int append(const struct temp_dir *dir, const char *record)
{
    struct str text = {0};
    str_append(&text, record);
    int status = results_append(temp_path(dir, "results.json"), &text);
    str_free(&text);
    return status;
}

/* The file is an array of objects whose "id" are 1..n. */
static void expect_ids(const struct temp_dir *dir, int64_t n)
{
    struct json_doc *doc = NULL;
    if (json_read_file(&doc, temp_path(dir, "results.json")) != OK)
        fail_msg("%s", error_message());
    assert_int_equal(json_type(json_root(doc)), JSON_ARRAY);
    int64_t expected = 0;
    for (const struct json *v = json_first(json_root(doc)); v; v = json_next(v)) {
        int64_t id = 0;
        assert_int_equal(json_i64(&id, json_get(v, "id")), OK);
        assert_int_equal(id, ++expected);
    }
    assert_int_equal(expected, n);
    json_free(doc);
}

static void test_results_file__records_are_kept_in_order(void **state)
{
    assert_int_equal(append(*state, "{\"id\": 1, \"list\": [[1, 2], [3]]}"), OK);
    expect_ids(*state, 1);
    assert_int_equal(append(*state, "{\"id\": 2, \"text\": \"]\"}"), OK);
    assert_int_equal(append(*state, "{\"id\": 3, \"nested\": {\"a\": []}}"), OK);
    expect_ids(*state, 3);
}

static void test_results_file__any_layout_of_the_array_will_do(void **state)
{
    const struct {
        const char *text;
        int64_t n;
    } cases[] = {{"[]", 0},
                 {"[ ]", 0},
                 {"[\n]\n", 0},
                 {" \n [\t]\r\n ", 0},
                 {"[{\"id\": 1}]", 1},
                 {"\n[ {\"id\": 1, \"list\": [1]} , {\"id\": 2} ]  \n\n", 2},
                 {"[\n    {\n        \"id\": 1\n    }\n]", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char record[32];
        put(*state, cases[i].text);
        snprintf(record, sizeof record, "{\"id\": %d}", (int)cases[i].n + 1);
        assert_int_equal(append(*state, record), OK);
        expect_ids(*state, cases[i].n + 1);
    }
}

/* Processes that append at the same moment lose none of their records. */
static void test_results_file__records_of_several_processes_are_all_kept(void **state)
{
    enum { N_PROCESSES = 4, N_RECORDS = 40 };
    for (int i = 0; i < N_PROCESSES; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child > 0)
            continue;
        int status = OK;
        for (int j = 0; status == OK && j < N_RECORDS; j++)
            status = append(*state, "{\"id\": 1}");
        _exit(status == OK ? 0 : 1);
    }
    for (int i = 0; i < N_PROCESSES; i++) {
        int ended = 0;
        assert_true(wait(&ended) > 0);
        assert_int_equal(ended, 0);
    }
    struct json_doc *doc = NULL;
    assert_int_equal(json_read_file(&doc, temp_path(*state, "results.json")), OK);
    assert_int_equal(json_size(json_root(doc)), N_PROCESSES * N_RECORDS);
    json_free(doc);
}

static void test_results_file__what_is_no_array_is_refused_and_left_alone(void **state)
{
    const char *const garbage[] = {"",      "noise",          "{\"id\": 1}", "[{\"id\": 1}",
                                   "[] []", "[{\"id\": 1},]", "\"]\""};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        put(*state, garbage[i]);
        assert_int_equal(append(*state, "{\"id\": 1}"), ERR_FORMAT);
        assert_non_null(strstr(error_message(), "results.json"));
        char *text = NULL;
        size_t n = 0;
        assert_int_equal(file_read(&text, &n, temp_path(*state, "results.json")), OK);
        assert_string_equal(text, garbage[i]);
        free(text);
    }
}

static void test_results_file__a_folder_that_is_not_there_is_an_error(void **state)
{
    struct str record = {0};
    str_append(&record, "{}");
    assert_int_equal(results_append(temp_path(*state, "missing/results.json"), &record), ERR_IO);
    str_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_results_file__records_are_kept_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results_file__any_layout_of_the_array_will_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results_file__records_of_several_processes_are_all_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_results_file__what_is_no_array_is_refused_and_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_results_file__a_folder_that_is_not_there_is_an_error, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("results_file", tests, NULL, NULL);
}
