/**
 * What all tests with tensors share: cmocka, one thread, and after each test no tensor more than before it.
 *
 * Use: cmocka_unit_test_setup_teardown(test, torch_test_begin, torch_test_end), in short torch_unit_test; or
 * torch_unit_test_3_threads, for what splits its work.
 */
#ifndef PROMPT_TESTS_TORCH_TEST_H
#define PROMPT_TESTS_TORCH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/torch/torch.h"

#define CPU ((struct device){DEVICE_CPU, 0})

#define assert_ok(call)                                                                                      \
    do {                                                                                                     \
        if ((call) != OK)                                                                                    \
            fail_msg("%s: %s", #call, error_message());                                                      \
    } while (0)

static size_t torch_test_n_before; /* live tensors: those of the group's fixture */

static inline int torch_test_begin_threads(int64_t n)
{
    torch_test_n_before = scope_live_tensors();
    error_clear();
    return torch_threads() == n ? OK : torch_init(n);
}

static inline int torch_test_begin(void **state)
{
    (void)state;
    return torch_test_begin_threads(1);
}

static inline int torch_test_begin_3_threads(void **state)
{
    (void)state;
    return torch_test_begin_threads(3);
}

static inline int torch_test_end(void **state)
{
    (void)state;
    shim_fail_after(0);
    const size_t n = scope_live_tensors();
    if (n != torch_test_n_before)
        print_error("%zu live tensors, expected %zu\n", n, torch_test_n_before);
    return n == torch_test_n_before ? 0 : -1;
}

#define torch_unit_test(test) cmocka_unit_test_setup_teardown(test, torch_test_begin, torch_test_end)
#define torch_unit_test_3_threads(test)                                                                      \
    {                                                                                                        \
#test "__3_threads", test, torch_test_begin_3_threads, torch_test_end, NULL                          \
    }

#endif
