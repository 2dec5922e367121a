/* Inputs of unit tests that the repository does not hold: real data, and CLIP's merges. Without them a test
 * program ends with 77, "skipped"; with PROMPT_REQUIRE_PARITY=1 it fails. */
#ifndef TESTS_UNIT_REAL_DATA_H
#define TESTS_UNIT_REAL_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PROMPT_TEST_DATA, a data root with caltech-101/; NULL if it is not set. */
static inline const char *real_data_root(void)
{
    const char *root = getenv("PROMPT_TEST_DATA");
    return root && root[0] ? root : NULL;
}

/* The exit status of a program that does not run, after printing the reason. */
static inline int real_data_skip(const char *why)
{
    const char *required = getenv("PROMPT_REQUIRE_PARITY");
    printf("skipped: %s\n", why);
    return required && strcmp(required, "1") == 0 ? 1 : 77;
}

#endif
