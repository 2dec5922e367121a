/** Times one training step or one evaluation batch, with the numbers needed to judge the time. */
#ifndef PROMPT_RUN_BENCH_H
#define PROMPT_RUN_BENCH_H

#include "prompt/run/session.h"
#include "prompt/torch/profile.h"

struct bench_options {
    bool train;       /* a step with backward and update; else a forward pass */
    int64_t n_images; /* B */
    int64_t repeats;  /* steps that are timed, at most */
    bool measure_peak;
    bool is_alone;        /* no other bench is open beside it; else peak_bytes is that of the first step */
    size_t earlier_bytes; /* already resident for others; peak_bytes excludes them */
};

enum { BENCH_MAX_OPS = 64 };

struct bench_result {
    int64_t n_classes, n_images, n_iterations;
    double seconds; /* of the fastest step */
    double median_seconds;
    double peak_flop_s;    /* best matrix product of the same shapes in this run; 0: not measured */
    size_t peak_bytes;     /* resident, model included */
    int64_t minor_faults;  /* of the last step: the first ones fill the allocator */
    double device_reads;   /* a step: from the device to the host */
    double device_uploads; /* a step: from the host to the device, where its batch is already */
    struct op_cost ops[BENCH_MAX_OPS]; /* of one more step, timed operation by operation */
    size_t n_ops;
};

struct bench;

/**
 * The session's configured method on random pixels and the given class names, warmed up by one step.
 * @param out    owned: bench_close frees it
 * @param names  [n_names], borrowed, as is `s`
 */
int bench_open(struct bench **out, struct session *s, char *const *names, int64_t n_names,
               const struct bench_options *options);
/** Times one more step. Several benches may take turns, so that all see the machine's slow moments. */
int bench_time(struct bench *b);
/** After at least one bench_time. */
int bench_finish(struct bench_result *out, struct bench *b);
void bench_close(struct bench *b);

/**
 * Rates of a matrix product of a ViT-B's shape, packed, the best of a few runs, in FLOP/s: of a GPU, or of a core,
 * by the time that it computed, since other processes may take the cores meanwhile.
 */
struct bench_bf16 {
    double bf16, fp32;
};
/** Measures both in turn on a device that has bf16, in about a tenth of a second; needs no model. */
int bench_bf16_measure(struct bench_bf16 *out, struct device device);
/** Whether products in bf16 are clearly faster, so that they make up for their rounding. */
bool bench_bf16_pays(const struct bench_bf16 *rates);

/* ---------------------------------------------------------------- a profile in groups */

enum op_group { OP_PRODUCT, OP_ATTENTION, OP_NORM, OP_ACTIVATION, OP_AUTOGRAD, OP_REST, N_OP_GROUPS };
extern const char *const op_group_names[N_OP_GROUPS];

struct group_cost {
    double seconds; /* of its operations; autograd's gradients count as OP_AUTOGRAD */
    double flop;    /* of its operations and their gradients, whoever computes them */
};
/** The costs of a step by enum op_group. */
void bench_group(struct group_cost out[N_OP_GROUPS], const struct bench_result *r);

#endif
