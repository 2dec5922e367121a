/* A build without MPI, whose transport this program has: several processes are an error, and never several runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "prompt/base/error.h"
#include "prompt/ranks/ranks.h"

static void start_as(const char *rank)
{
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("OMPI_COMM_WORLD_RANK", rank, 1);
}

static void test_several_processes_are_one_error(void **state)
{
    struct ranks *ranks = NULL;
    (void)state;
    start_as("0");
    assert_int_equal(ranks_open(&ranks), ERR_USAGE);
    assert_null(ranks);
    assert_string_equal(
        error_message(),
        "Open MPI's mpirun started 2 processes, but this program was built without MPI: build it where "
        "MPI is installed (Debian/Ubuntu: libopenmpi-dev openmpi-bin), or start one process");
    start_as("1");
    assert_int_equal(ranks_open(&ranks), ERR_USAGE);
    assert_string_equal(error_message(), "");
}

static void test_one_process_is_none(void **state)
{
    struct ranks *ranks = NULL;
    (void)state;
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    assert_int_equal(ranks_open(&ranks), OK);
    assert_null(ranks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_processes_are_one_error),
        cmocka_unit_test(test_one_process_is_none),
    };
    return cmocka_run_group_tests_name("alone", tests, NULL, NULL);
}
