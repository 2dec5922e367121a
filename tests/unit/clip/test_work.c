/* The work that is counted from the shapes against what the operations of a real step count themselves, with
 * the fast encoder; and that no layout asks for less than no memory. */
#include "fixture_test.h"

#include <string.h>

#include "prompt/torch/profile.h"

enum { B = 4, MAX_CHANGES = 3, MAX_OPS = 128 };

static const struct setting {
    const char *name;
    const char *changes[MAX_CHANGES]; /* of the recorded defaults */
    double kept;                      /* share of the text side that is kept; 0: all */
    int64_t n_layers;                 /* of both towers; 0: three */
} SETTINGS[] = {
    {"default", {NULL}, 0, 0},
    {"half kept", {NULL}, 0.5, 0},
    {"no vision generator", {"vision_prompt.generator=false"}, 0, 0},
    {"no text generator", {"text_prompt.generator=false"}, 0, 0},
    {"no generators", {"vision_prompt.generator=false", "text_prompt.generator=false"}, 0, 0},
    {"no filter", {"filter=false"}, 0, 0},
    {"no iterations", {"iterations=0"}, 0, 0},
    {"one iteration", {"iterations=1"}, 0, 0},
    {"three iterations", {"iterations=3"}, 0, 0},
    {"detach", {"detach_iterations=true"}, 0, 0},
    {"fixed start token", {"text_prompt.covers_sos=false"}, 0, 0},
    {"fewer classes than prompts", {"vision_prompt.count=14"}, 0, 0},
    {"fewer classes, no vision generator", {"vision_prompt.count=14", "vision_prompt.generator=false"}, 0, 0},
    {"all layers", {"vision_prompt.depth=3"}, 0, 0},
    {"one layer", {"vision_prompt.depth=1"}, 0, 0},
    {"towers of one layer", {"vision_prompt.depth=1"}, 0, 1},
    {"towers of two layers", {NULL}, 0.5, 2},
    {"CLIP", {"method=clip"}, 0, 0},
    {"CoOp", {"method=coop"}, 0.5, 0},
    {"CoOp, contexts of each class", {"method=coop", "context.class_specific=true"}, 0, 0},
    {"CoOp, around the name", {"method=coop", "context.position=middle"}, 0, 0},
    {"CoOp, towers of one layer", {"method=coop"}, 0, 1},
    {"CoCoOp", {"method=cocoop"}, 0.5, 0},
    {"VPT-deep", {"method=vpt"}, 0, 0},
};

/* FLOP of the encoders' operations; the methods' own products are t_linear and t_matmul. */
static double counted_flop(const struct op_cost *ops, size_t n)
{
    static const char *const encoders[] = {
        "t_packed_linear",           "t_packed_linear_backward",    "t_conv2d_patches",
        "t_forest_attention",        "t_forest_attention_backward", "t_dense_attention",
        "t_dense_attention_backward"};
    double flop = 0.0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof encoders / sizeof encoders[0]; k++)
            flop += strcmp(ops[i].name, encoders[k]) == 0 ? ops[i].flop : 0.0;
    return flop;
}

static double measure(const struct world *w, const struct method *m, bool backward)
{
    struct op_cost ops[MAX_OPS];
    struct method_output out;
    scope *s = scope_open(NULL, backward ? SCOPE_GRAD_ON : SCOPE_GRAD_OFF);
    tensor *index = t_from_i64(s, (const int64_t[B]){0, 1, 2, 3}, SHAPE(B), CPU);
    assert_ok(profile_start(CPU));
    tensor *loss = world_loss(s, &out, NULL, w, m, index, NULL);
    if (backward && loss)
        assert_ok(method_backward(&out, s, loss));
    const size_t n = profile_stop(ops, MAX_OPS);
    assert_in_range(n, 1, MAX_OPS);
    method_output_free(&out);
    assert_ok(scope_close(s));
    return counted_flop(ops, n);
}

static void expect_work(const struct setting *c, const struct world *w, const struct method *m, bool backward)
{
    const struct clip_work work = method_work(m, &w->texts, B, backward);
    const double counted = work.products + work.attention, measured = measure(w, m, backward);
    if (!(counted > 0.0 && counted <= measured * (1.0 + 1e-9) && counted >= measured * (1.0 - 1e-9)))
        fail_msg("%s, %s: counted %.0f FLOP, the operations %.0f", c->name, backward ? "step" : "forward",
                 counted, measured);
}

static void run_setting(const struct setting *c, struct world *w)
{
    const struct clip_dims dims = w->weights->dims;
    struct clip *own = NULL, *shared = w->clip;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    if (c->n_layers > 0)
        w->weights->dims.vision.n_layers = w->weights->dims.text.n_layers = c->n_layers;
    assert_ok(clip_create(&own, s, w->weights, CPU, shared->types, ENCODER_FAST));
    w->clip = own;
    const char *changes[MAX_CHANGES + 1] = {NULL};
    memcpy(changes, c->changes, sizeof c->changes);
    const struct method_options options = world_options(world_defaults(w), changes);
    assert_ok(world_method(&m, w, s, &options));
    const double kept_bytes = clip_text_kept_bytes(own, &w->texts.names, B);
    assert_true(kept_bytes >= 0.0);
    if (c->kept > 0.0)
        w->texts.names.keep_bytes = c->kept * kept_bytes;
    expect_work(c, w, m, false);
    expect_work(c, w, m, true);
    method_free(m);
    class_texts_free(&w->texts);
    clip_free(own);
    w->clip = shared;
    w->weights->dims = dims;
    assert_ok(scope_close(s));
}

static void test_work__counted_from_shapes_is_what_the_operations_count(void **state)
{
    for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0]; i++)
        run_setting(&SETTINGS[i], *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_work__counted_from_shapes_is_what_the_operations_count),
    };
    return world_run("work", tests, DTYPE_F32, ENCODER_FAST);
}
