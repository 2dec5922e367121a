/* Real data for unit tests: PROMPT_TEST_DATA, a data root with caltech-101. Without it, such tests are
 * skipped. */
#ifndef TESTS_UNIT_REAL_DATA_H
#define TESTS_UNIT_REAL_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The data root, or NULL with a message. */
static inline const char *real_data_root(void)
{
    const char *root = getenv("PROMPT_TEST_DATA");
    if (!root)
        fprintf(stderr, "SKIPPED: PROMPT_TEST_DATA (data root with caltech-101) is not set\n");
    return root;
}

/* The program's exit status: 77, "skipped", without real data; a failure where parity is required. */
static inline int real_data_exit_status(int n_failed)
{
    if (n_failed > 0 || getenv("PROMPT_TEST_DATA"))
        return n_failed;
    const char *required = getenv("PROMPT_REQUIRE_PARITY");
    return required && strcmp(required, "1") == 0 ? 1 : 77;
}

#endif
