/**
 * Groups of tests on the small recorded CLIP (fixture.h): the group's state is a `struct fixture`.
 *
 * Use: return fixture_run(name, tests, DTYPE_F32, ENCODER_FAST), or fixture_run_both for both encoders.
 */
#ifndef PROMPT_TESTS_FIXTURE_TEST_H
#define PROMPT_TESTS_FIXTURE_TEST_H

#include "fixture.h"
#include "torch_test.h"

/* What the next group computes in and with: cmocka gives a group's setup no argument. */
static enum dtype fixture_group_dtype;
static enum encoder fixture_group_encoder;

static inline int fixture_group_open(void **state)
{
    static struct fixture w;
    if (torch_init(1) != OK)
        return -1;
    fixture_open(&w, FIXTURE_DIR,
                 (struct clip_dtypes){.compute = fixture_group_dtype, .accum = fixture_group_dtype},
                 fixture_group_encoder);
    *state = &w;
    return 0;
}

static inline int fixture_group_close(void **state)
{
    fixture_close(*state);
    return scope_live_tensors() == 0 ? 0 : -1;
}

static inline int fixture_group_run(const char *name, const struct CMUnitTest *tests, size_t n,
                                    enum dtype dtype, enum encoder encoder)
{
    fixture_group_dtype = dtype;
    fixture_group_encoder = encoder;
    return _cmocka_run_group_tests(name, tests, n, fixture_group_open, fixture_group_close);
}

/** The number of failed tests. */
#define fixture_run(name, tests, dtype, encoder)                                                             \
    fixture_group_run(name, tests, sizeof(tests) / sizeof((tests)[0]), dtype, encoder)
#define fixture_run_both(name, tests, dtype)                                                                 \
    (fixture_run(name " (plain encoder)", tests, dtype, ENCODER_PLAIN) +                                     \
     fixture_run(name " (fast encoder)", tests, dtype, ENCODER_FAST))

#endif
