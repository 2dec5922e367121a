/** A configuration of defaults as the state of each test. */
#ifndef PROMPT_TESTS_UNIT_CONFIG_STATE_H
#define PROMPT_TESTS_UNIT_CONFIG_STATE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "prompt/config/config.h"

static inline int setup(void **state)
{
    struct config *c = malloc(sizeof *c);
    if (!c || config_init(c) != OK)
        return -1;
    *state = c;
    return 0;
}

static inline int teardown(void **state)
{
    config_free(*state);
    free(*state);
    return 0;
}

static inline void expect_accepted(int status)
{
    if (status != OK)
        fail_msg("%s", error_message());
}

#define config_unit_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
