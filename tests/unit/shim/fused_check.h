/**
 * Checks a fused operation, forward and backward, against a composition of plain operations and its autograd
 * on the same (rounded) inputs in fp64, for fp64, fp32 and bf16 inputs; in fp64 also against central
 * differences.
 */
#ifndef PROMPT_TESTS_FUSED_CHECK_H
#define PROMPT_TESTS_FUSED_CHECK_H

#include "torch_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/rng.h"
#include "prompt/torch/fused.h"
#include "tensor_check.h"

/*
 * Max-norm of the difference over that of the reference's tensor. Measured 2026-11-25, forward and backward:
 * fp64 1.1e-15, 1.6e-15; fp32 5e-7, 1.1e-6; bf16 3.6e-3, 5.5e-3 (sums of three images' gradients: 9.3e-3);
 * fp16 6e-4, 6e-4 (1.6e-3), by PyTorch's operations, as no kernel of ours supports it; central differences
 * 2.2e-10. One rounding to bf16 is up to 2^-8 = 3.9e-3.
 */
static const struct numbers {
    const char *name;
    enum dtype compute, accum;
    double tolerance;
} NUMBERS[] = {{"fp64", DTYPE_F64, DTYPE_F64, 1e-13},
               {"fp32", DTYPE_F32, DTYPE_F32, 2e-6},
               {"bf16", DTYPE_BF16, DTYPE_F32, 6e-3},
               {"fp16", DTYPE_F16, DTYPE_F32, 1e-3}};
static const double DIFFERENCES_TOLERANCE = 1e-8, STEP = 1e-5;
enum { N_NUMBERS = 4, MAX_INPUTS = 5 };

/* ---------------------------------------------------------------- cases */

struct operation {
    const char *name;
    size_t n_inputs;
    int64_t dims[MAX_INPUTS][3];
    bool is_accum[MAX_INPUTS]; /* inputs of the accumulate dtype */
    int64_t n_summed;          /* number of rounded gradients summed into an input's gradient; 0: one */
    double fp16_widened;       /* factor on fp16's tolerance, for a reason given at the operation; 0: 1 */
    const void *sizes;         /* further arguments of the functions */
    tensor *(*forward)(scope *s, tensor *const *in, const void *sizes);
    /* `grads` keeps NULL for an input without a gradient. NULL: no backward. */
    void (*backward)(tensor **grads, scope *s, tensor *const *in, const tensor *d_out, const void *sizes);
    tensor *(*reference)(scope *s, tensor *const *in, const void *sizes);
};

static double worst[N_NUMBERS][2], worst_difference; /* forward and backward */

static inline tensor *random_tensor(scope *s, uint64_t seed, const int64_t *dims, size_t n_dims)
{
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++)
        n *= (size_t)dims[i];
    double *values = malloc((n + 1) * sizeof *values);
    assert_non_null(values);
    struct rng rng;
    rng_init(&rng, 7, RNG_INIT, 0, seed);
    for (size_t i = 0; i < n; i++)
        values[i] = rng_normal(&rng);
    tensor *t = t_clone(s, t_from_memory(s, values, DTYPE_F64, dims, n_dims));
    free(values);
    return t;
}

/* Like t_to, but always a copy. */
static inline tensor *copy_to(scope *s, const tensor *t, enum dtype dtype)
{
    return t_clone(s, t_to(s, t, dtype));
}

static inline void expect_close(scope *s, double *worst_so_far, const char *what, const tensor *got,
                                const tensor *want, double tolerance)
{
    const double error = tensor_relative_error(s, got, want);
    if (!(error <= tolerance))
        fail_msg("%s: relative error %.1e%s%s", what, error, isfinite(error) ? "" : ": ",
                 isfinite(error) ? "" : error_message());
    *worst_so_far = fmax(*worst_so_far, error);
}

static inline double dot(scope *s, const tensor *a, const tensor *b)
{
    double value = NAN;
    assert_ok(t_item_f64(&value, s, t_sum(s, t_mul(s, t_to(s, a, DTYPE_F64), t_to(s, b, DTYPE_F64)))));
    return value;
}

/* The fused forward along a random direction of every input, in fp64, against the fused backward. */
static inline void check_differences(const struct operation *op, tensor *const *in, tensor *const *grads,
                                     const tensor *d_out)
{
    for (size_t i = 0; i < op->n_inputs; i++) {
        if (!grads[i])
            continue;
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        tensor *direction = random_tensor(s, 100 + i, op->dims[i], 3);
        double f[2];
        for (int side = 0; side < 2; side++) {
            tensor *moved[MAX_INPUTS];
            memcpy(moved, in, sizeof moved);
            moved[i] = t_add(s, in[i], t_scale(s, direction, side ? STEP : -STEP));
            f[side] = dot(s, op->forward(s, moved, op->sizes), d_out);
        }
        const double slope = dot(s, grads[i], direction), difference = (f[1] - f[0]) / (2.0 * STEP);
        /* with one key the gradient is 0 */
        const double size = fmax(fabs(difference), sqrt(dot(s, grads[i], grads[i])));
        const double error = fabs(slope - difference) / fmax(size, 1e-3);
        if (!(error <= DIFFERENCES_TOLERANCE))
            fail_msg("%s: input %d: slope %g, difference %g", op->name, (int)i, slope, difference);
        worst_difference = fmax(worst_difference, error);
        assert_ok(scope_close(s));
    }
}

static inline void check_one(const struct operation *op, size_t k)
{
    const struct numbers *n = &NUMBERS[k];
    const bool is_widened = n->compute == DTYPE_F16 && op->fp16_widened > 0.0;
    const double tolerance = n->tolerance * (is_widened ? op->fp16_widened : 1.0);
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    tensor *in[MAX_INPUTS] = {NULL}, *exact[MAX_INPUTS] = {NULL}, *grads[MAX_INPUTS] = {NULL};
    for (size_t i = 0; i < op->n_inputs; i++) {
        tensor *value = t_scale(s, random_tensor(s, i, op->dims[i], 3), 0.7);
        in[i] = copy_to(s, value, op->is_accum[i] ? n->accum : n->compute);
        exact[i] = copy_to(s, in[i], DTYPE_F64);
        t_require_grad(s, exact[i]);
    }
    tensor *want = op->reference(s, exact, op->sizes);
    int64_t dims[3];
    for (int64_t i = 0; i < 3; i++)
        dims[i] = t_size(want, i);
    tensor *d_out = copy_to(s, random_tensor(s, 50, dims, 3), n->compute);
    tensor *loss = t_sum(s, t_mul(s, want, t_to(s, d_out, DTYPE_F64)));
    scope *off = scope_open(s, SCOPE_GRAD_OFF);
    char what[96];
    snprintf(what, sizeof what, "%s, %s, forward", op->name, n->name);
    expect_close(off, &worst[k][0], what, op->forward(off, in, op->sizes), want, tolerance);
    if (op->backward) {
        op->backward(grads, off, in, d_out, op->sizes);
        assert_ok(t_backward(s, loss));
        for (size_t i = 0; i < op->n_inputs; i++) {
            snprintf(what, sizeof what, "%s, %s, gradient of input %d", op->name, n->name, (int)i);
            if (grads[i])
                expect_close(off, &worst[k][1], what, grads[i], t_grad(s, exact[i]),
                             tolerance * (op->n_summed ? (double)op->n_summed : 1.0));
        }
        if (n->compute == DTYPE_F64)
            check_differences(op, in, grads, d_out);
    }
    assert_ok(scope_close(off));
    assert_ok(scope_close(s));
}

static inline void check(const struct operation *op)
{
    for (size_t k = 0; k < N_NUMBERS; k++)
        check_one(op, k);
}

static inline void print_worst(void)
{
    for (size_t k = 0; k < N_NUMBERS; k++)
        print_message("%s: forward %.1e, backward %.1e\n", NUMBERS[k].name, worst[k][0], worst[k][1]);
    print_message("central differences: %.1e\n", worst_difference);
}

/* A call must fail with this text in its message. */
#define expect_refusal(s, call, text)                                                                        \
    do {                                                                                                     \
        scope *(s) = scope_open(NULL, SCOPE_GRAD_OFF);                                                       \
        (void)(call);                                                                                        \
        assert_int_equal(scope_status(s), ERR_TORCH);                                                        \
        if (!strstr(error_message(), text))                                                                  \
            fail_msg("the message is '%s'", error_message());                                                \
        assert_int_equal(scope_close(s), ERR_TORCH);                                                         \
    } while (0)

#endif
