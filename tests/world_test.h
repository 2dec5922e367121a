/** Group fixtures of tests on the small recorded world (world.h): the group's state is a `struct world`. */
#ifndef PROMPT_TESTS_WORLD_TEST_H
#define PROMPT_TESTS_WORLD_TEST_H

#include "torch_test.h"
#include "world.h"

static inline int world_group_open(void **state, enum dtype dtype)
{
    static struct world w;
    if (torch_init(1) != OK)
        return -1;
    world_open(&w, WORLD_DIR, (struct clip_types){dtype, dtype});
    *state = &w;
    return 0;
}

static inline int world_group_f32(void **state)
{
    return world_group_open(state, DTYPE_F32);
}

static inline int world_group_f64(void **state)
{
    return world_group_open(state, DTYPE_F64);
}

static inline int world_group_close(void **state)
{
    world_close(*state);
    return scope_live_tensors() == 0 ? 0 : -1;
}

#endif
