/* CLIP-LoRA and 2SFS on the recorded small CLIP: how they start, what each trained value moves, merging, refusals. */
#include "method_start.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/rng.h"

static const char *const METHODS[] = {"method=clip_lora", "method=two_stage"};
enum { LORA, NORMS, N_METHODS };

static struct method_output forward(scope *s, const struct fixture *w, const struct method *m, int64_t step)
{
    struct method_output out;
    method_forward(&out, s, m,
                   &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels, .step = step});
    assert_ok(scope_status(s));
    method_output_free(&out);
    return out;
}

/* Adds noise to all trained values. */
static void move(scope *s, const struct method *m, double deviation)
{
    for (size_t i = 0; i < m->trained.n; i++) {
        tensor *value = m->trained.items[i].value;
        const int64_t n = t_numel(value);
        float *noise = malloc((size_t)n * sizeof *noise);
        struct rng rng;
        rng_init(&rng, 2, RNG_INIT, 0, i);
        for (int64_t k = 0; k < n; k++)
            noise[k] = (float)(deviation * rng_normal(&rng));
        t_add_scaled_(s, t_reshape(s, t_detach(s, value), &n, 1), t_from_f32(s, noise, &n, 1, DTYPE_F32, CPU),
                      1.0);
        free(noise);
    }
}

/* The first pass packs weights that the model keeps. */
static void pack(void **state)
{
    struct fixture *w = *state;
    for (int i = 0; i < N_METHODS; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_ON);
        struct method *m = NULL;
        struct method_output out;
        assert_ok(create(&m, w, s, CHANGES(METHODS[i])));
        tensor *index = t_from_i64(s, (const int64_t[]){0}, SHAPE(1), CPU);
        assert_ok(method_backward(&out, s, fixture_loss(s, &out, NULL, w, m, index, NULL)));
        method_output_free(&out);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

static void test_tuned_towers__both_start_as_clip(void **state)
{
    struct fixture *w = *state;
    for (int i = 0; i < N_METHODS; i++)
        for (int64_t step = 0; step < 2; step++) { /* with b = 0 dropout changes nothing */
            scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
            struct method *m = NULL;
            assert_ok(create(&m, w, s, CHANGES(METHODS[i])));
            const struct method_output out = forward(s, w, m, step);
            assert_true(tensor_max_difference(s, out.logits[1], out.logits[0]) < 1e-4); /* of 100 */
            method_free(m);
            assert_ok(scope_close(s));
        }
}

/* As a Linear of PyTorch: a uniform in +-1/sqrt(W), b zeros. */
static void test_tuned_towers__pairs_start_as_the_authors_do(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, w, s, CHANGES("method=clip_lora")));
    const char *const names[] = {"lora.text.a", "lora.vision.a", "lora.text.b", "lora.vision.b"};
    for (size_t i = 0; i < 4; i++) {
        const tensor *t = params_find(&m->trained, names[i]);
        double largest = 0.0;
        assert_ok(t_item_f64(&largest, s, t_max(s, t_abs(s, t))));
        const double bound = i < 2 ? 1.0 / sqrt((double)t_size(t, 3)) : 0.0;
        assert_true(largest <= bound && largest >= 0.95 * bound);
    }
    method_free(m);
    assert_ok(scope_close(s));
}

/* The largest of each of the first two axes' blocks is above 0, or 0. */
static void expect_gradient(scope *s, const char *name, const tensor *grad, bool is_there)
{
    assert_non_null(grad);
    for (int64_t i = 0; i < t_size(grad, 0); i++)
        for (int64_t j = 0; j < t_size(grad, 1); j++) {
            double largest = 0.0;
            assert_ok(
                t_item_f64(&largest, s, t_max(s, t_abs(s, t_select(s, t_select(s, grad, 0, i), 0, j)))));
            if ((largest > 1e-7) != is_there || (largest > 0.0) != is_there)
                fail_msg("%s [%d,%d]: gradient %g", name, (int)i, (int)j, largest);
        }
}

/* Of the low-rank pairs b alone, which is 0; of the norms each, down to the first block. */
static void test_tuned_towers__first_gradients_reach_every_block(void **state)
{
    struct fixture *w = *state;
    for (int i = 0; i < N_METHODS; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_ON);
        struct method *m = NULL;
        struct method_output out;
        assert_ok(create(&m, w, s, CHANGES(METHODS[i])));
        tensor *index = t_from_i64(s, (const int64_t[]){0, 1, 2}, SHAPE(3), CPU);
        w->step = 1;
        assert_ok(method_backward(&out, s, fixture_loss(s, &out, NULL, w, m, index, NULL)));
        w->step = 0;
        for (size_t k = 0; k < method_active(m)->n; k++) {
            const struct param *p = &method_active(m)->items[k];
            expect_gradient(s, p->name, t_grad(s, p->value),
                            strcmp(p->name + strlen(p->name) - 2, ".a") != 0);
        }
        assert_int_equal(method_active(m)->n, 4);
        method_output_free(&out);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

static void test_tuned_towers__merged_weights_are_the_same_function(void **state)
{
    struct fixture *w = *state;
    for (int i = 0; i < N_METHODS; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        assert_ok(create(&m, w, s, CHANGES(METHODS[i])));
        move(s, m, 0.1);
        const struct method_output out = forward(s, w, m, 0);
        assert_true(tensor_max_difference(s, out.logits[1], out.logits[0]) > 1.0);

        struct weights merged = *w->weights;
        struct clip *clip = NULL;
        merged.scope = s;
        merged.tensors = (struct params){0};
        for (size_t k = 0; k < w->weights->tensors.n; k++)
            assert_ok(params_add(&merged.tensors, w->weights->tensors.items[k].name,
                                 w->weights->tensors.items[k].value));
        assert_ok(method_merge(m, &merged));
        assert_ok(clip_create(&clip, s, &merged, CPU, w->clip->dtypes,
                              w->clip->fast ? ENCODER_FAST : ENCODER_PLAIN));
        tensor *x = clip_encode_image(s, clip, NULL, clip_image_tokens(s, clip, w->pixels), NULL, 0);
        tensor *z = clip_encode_captions(s, clip, &w->captions, 1, TEMPLATE_MEAN_NORMALIZED);
        assert_true(tensor_relative_error(s, clip_logits(s, clip, x, z), out.logits[1]) < 1e-5);
        clip_free(clip);
        params_free(&merged.tensors);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

static void test_tuned_towers__dropout_is_of_a_training_step_alone(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, w, s, CHANGES("method=clip_lora", "lora.dropout=0.5")));
    move(s, m, 0.1);
    const tensor *none = forward(s, w, m, 0).logits[1], *first = forward(s, w, m, 1).logits[1];
    assert_true(tensor_max_difference(s, none, forward(s, w, m, 0).logits[1]) == 0.0);
    assert_true(tensor_max_difference(s, first, forward(s, w, m, 1).logits[1]) == 0.0);
    assert_true(tensor_max_difference(s, first, none) > 0.1);
    assert_true(tensor_max_difference(s, first, forward(s, w, m, 2).logits[1]) > 0.1);
    method_free(m);
    assert_ok(scope_close(s));
}

static void test_tuned_towers__stages_have_tensors_and_steps_of_their_own(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, w, s, CHANGES("method=two_stage")));
    assert_int_equal(method_stage_at(m, 2880, 4800).index, 0); /* 16 shots of 300 steps, of which 0.6 */
    assert_int_equal(method_stage_at(m, 2880, 4800).n_steps, 2880);
    const struct method_stage second = method_stage_at(m, 2881, 4800);
    assert_true(second.index == 1 && second.n_before == 2880 && second.n_steps == 1920);
    assert_null(params_find(method_active(m), "classifier"));
    move(s, m, 0.1);
    const struct method_output before = forward(s, w, m, 0);
    assert_ok(method_begin_stage(m, 1, &w->texts));
    assert_int_equal(method_active(m)->n, 1);
    assert_non_null(params_find(method_active(m), "classifier"));
    const struct method_output after = forward(s, w, m, 0);
    assert_true(tensor_relative_error(s, after.logits[1], before.logits[1]) < 1e-5);
    method_free(m);
    assert_ok(scope_close(s));
}

/* Classes of the training are told by their rows, others by their captions. */
static void test_tuned_towers__a_class_is_told_by_its_row_if_it_has_one(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, w, s, CHANGES("method=two_stage")));
    assert_ok(method_begin_stage(m, 1, &w->texts));
    const int64_t K = w->names.n;
    const tensor *captions = forward(s, w, m, 0).logits[1];
    tensor *classifier = params_find(&m->trained, "classifier");
    t_add_scaled_(s, t_detach(s, classifier), t_clone(s, t_narrow(s, classifier, 0, 0, 1)), 1.0);
    int64_t *rows = malloc((size_t)K * sizeof *rows);
    for (int64_t k = 0; k < K; k++)
        rows[k] = k % 2 ? K - 1 - k : -1;
    const tensor *own = forward(s, w, m, 0).logits[1];
    w->texts.trained_rows = rows;
    const struct method_output out = forward(s, w, m, 0);
    for (int64_t k = 0; k < K; k++) {
        const tensor *got = t_narrow(s, out.logits[1], 1, k, 1);
        if (k % 2)
            assert_true(tensor_max_difference(s, got, t_narrow(s, own, 1, K - 1 - k, 1)) < 1e-4);
        else
            assert_true(tensor_max_difference(s, got, t_narrow(s, captions, 1, k, 1)) < 1e-4);
        assert_true(tensor_max_difference(s, t_narrow(s, own, 1, k, 1), t_narrow(s, captions, 1, k, 1)) >
                        1e-2 ||
                    k == 0); /* the doubled row 0 has the same direction */
    }
    method_free(m);
    assert_ok(scope_close(s));
}

static void test_tuned_towers__settings_that_do_not_fit_are_refused(void **state)
{
    const struct {
        const char *const *changes;
        const char *message;
    } cases[] = {
        {CHANGES("method=clip_lora", "lora.rank=33"),
         "lora.rank: 33 is more than the text tower's width, 32"},
        {CHANGES("method=two_stage", "average.deviation=1"),
         "average.deviation: method two_stage has no average over epochs, as its two stages train different "
         "tensors"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        assert_int_equal(create(&m, *state, s, cases[i].changes), ERR_USAGE);
        assert_string_equal(error_message(), cases[i].message);
        assert_ok(scope_close(s));
    }
}

/* Texts that share tokens cannot have masks of their own; other methods have nothing to merge. */
static void test_tuned_towers__what_cannot_be_computed_is_an_error(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL, *coop = NULL;
    assert_ok(create(&m, w, s, CHANGES("method=clip_lora", "lora.dropout=0")));
    m->options.lora_dropout = 0.25;
    struct method_output out;
    method_forward(&out, s, m, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels, .step = 1});
    method_output_free(&out);
    assert_int_equal(scope_status(s), ERR_SHAPE);
    assert_string_equal(error_message(), "dropout needs texts that are laid out as separate rows");
    method_free(m);
    assert_int_equal(scope_close(s), ERR_SHAPE);
    s = scope_open(NULL, SCOPE_GRAD_OFF);
    assert_ok(create(&coop, w, s, CHANGES("method=coop")));
    assert_int_equal(method_merge(coop, w->weights), ERR_USAGE);
    assert_string_equal(error_message(),
                        "method coop does not change CLIP's weights, as clip_lora and two_stage do");
    method_free(coop);
    assert_ok(scope_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack),
        torch_unit_test(test_tuned_towers__both_start_as_clip),
        torch_unit_test(test_tuned_towers__pairs_start_as_the_authors_do),
        torch_unit_test(test_tuned_towers__first_gradients_reach_every_block),
        torch_unit_test(test_tuned_towers__merged_weights_are_the_same_function),
        torch_unit_test(test_tuned_towers__dropout_is_of_a_training_step_alone),
        torch_unit_test(test_tuned_towers__stages_have_tensors_and_steps_of_their_own),
        torch_unit_test(test_tuned_towers__a_class_is_told_by_its_row_if_it_has_one),
        torch_unit_test(test_tuned_towers__settings_that_do_not_fit_are_refused),
        torch_unit_test(test_tuned_towers__what_cannot_be_computed_is_an_error),
    };
    return fixture_run_both("tuned_towers", tests, DTYPE_F32);
}
