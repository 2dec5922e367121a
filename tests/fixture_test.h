/**
 * Groups of tests on the small recorded world (world.h): the group's state is a `struct world`.
 *
 * Use: return world_run(name, tests, DTYPE_F32, ENCODER_FAST), or world_run_both for both encoders.
 */
#ifndef PROMPT_TESTS_WORLD_TEST_H
#define PROMPT_TESTS_WORLD_TEST_H

#include "fixture.h"
#include "torch_test.h"

/* What the next group computes in and with: cmocka gives a group's setup no argument. */
static enum dtype world_group_dtype;
static enum encoder world_group_encoder;

static inline int world_group_open(void **state)
{
    static struct world w;
    if (torch_init(1) != OK)
        return -1;
    world_open(&w, FIXTURE_DIR, (struct clip_dtypes){world_group_dtype, world_group_dtype},
               world_group_encoder);
    *state = &w;
    return 0;
}

static inline int world_group_close(void **state)
{
    world_close(*state);
    return scope_live_tensors() == 0 ? 0 : -1;
}

static inline int world_group_run(const char *name, const struct CMUnitTest *tests, size_t n,
                                  enum dtype dtype, enum encoder encoder)
{
    world_group_dtype = dtype;
    world_group_encoder = encoder;
    return _cmocka_run_group_tests(name, tests, n, world_group_open, world_group_close);
}

/** The number of failed tests. */
#define world_run(name, tests, dtype, encoder)                                                               \
    world_group_run(name, tests, sizeof(tests) / sizeof((tests)[0]), dtype, encoder)
#define world_run_both(name, tests, dtype)                                                                   \
    (world_run(name " (plain encoder)", tests, dtype, ENCODER_PLAIN) +                                       \
     world_run(name " (fast encoder)", tests, dtype, ENCODER_FAST))

#endif
