/* IVLP, PromptSRC and MaPLe on the recorded small CLIP: how they start, what they share, refusals. */
#include "method_start.h"

#include <string.h>

/* As it starts, a context of the caption's words alone is the caption, whatever their number. */
static void test_deep__an_untrained_context_of_one_layer_is_clip(void **state)
{
    struct fixture *w = *state;
    const char *const counts[] = {"context.count=1", "context.count=2", "context.count=4"};
    for (size_t i = 0; i < 3; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        struct method_output out;
        assert_ok(create(&m, w, s, CHANGES("method=ivlp", "vision_prompt.count=0", counts[i])));
        assert_int_equal(m->trained.n, 1);
        method_forward(&out, s, m, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
        assert_true(tensor_max_difference(s, out.logits[0], out.logits[1]) < 1e-4); /* of 100 */
        method_output_free(&out);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

/* The loss and all gradients; the values of the second method become those of the first. */
static void expect_same_step(scope *s, struct fixture *w, struct method *const methods[2])
{
    const tensor *grads[2][8] = {{NULL}};
    double losses[2];
    for (int k = 0; k < 2; k++) {
        struct method_output out;
        const tensor *index = t_from_i64(s, (const int64_t[]){0, 1, 2}, SHAPE(3), CPU);
        tensor *loss = fixture_loss(s, &out, NULL, w, methods[k], index, NULL);
        assert_ok(method_backward(&out, s, loss));
        assert_ok(t_item_f64(&losses[k], s, loss));
        for (size_t i = 0; i < methods[k]->trained.n; i++)
            grads[k][i] = t_grad(s, methods[k]->trained.items[i].value);
        method_output_free(&out);
    }
    assert_true(losses[0] == losses[1]);
    for (size_t i = 0; i < methods[0]->trained.n; i++)
        assert_true(tensor_max_difference(s, grads[0][i], grads[1][i]) == 0.0);
}

static void test_deep__promptsrc_without_its_terms_is_ivlp(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_ON);
    struct method *m[2] = {NULL, NULL};
    const char *const kinds[] = {"method=ivlp", "method=promptsrc"};
    for (int k = 0; k < 2; k++)
        assert_ok(create(&m[k], w, s, CHANGES(kinds[k], "context.depth=3", "vision_prompt.depth=2")));
    assert_int_equal(m[0]->trained.n, 3);
    expect_same_step(s, w, m);
    method_free(m[0]);
    method_free(m[1]);
    assert_ok(scope_close(s));
}

/* The recorded defaults switch the terms off; left to the method they are its authors'. */
static void test_deep__terms_that_are_left_to_the_method_are_its_own(void **state)
{
    const struct {
        const char *method;
        double text, image, logits, mean;
    } want[] = {
        {"method=kgcoop", 8, 0, 0, 0}, {"method=promptsrc", 25, 10, 1, 15}, {"method=maple", 0, 0, 0, 0}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct regularization_options o = fixture_options(NULL, CHANGES(want[i].method)).regularization;
        assert_true(o.text_weight == want[i].text && o.image_weight == want[i].image &&
                    o.logits_weight == want[i].logits && o.average_mean == want[i].mean);
        const struct regularization_options off =
            fixture_options(NULL, CHANGES(want[i].method, "agreement.text_weight=0")).regularization;
        assert_true(off.text_weight == 0.0);
    }
}

static void test_deep__kgcoop_has_a_template_of_its_own_for_textures(void **state)
{
    (void)state;
    assert_string_equal(agreement_kgcoop_template("{} texture."), "a photo of a {}, a type of texture.");
    assert_string_equal(agreement_kgcoop_template("a photo of a {}."), "a photo of a {}.");
}

static void test_deep__a_step_that_skips_clip_encodes_it_only_for_the_terms(void **state)
{
    struct fixture *w = *state;
    const char *const weights[] = {"agreement.image_weight=0", "agreement.image_weight=1"};
    for (size_t i = 0; i < 2; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        struct method_output out;
        assert_ok(create(&m, w, s, CHANGES("method=maple", "context.count=2", weights[i])));
        method_forward(
            &out, s, m,
            &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels, .skips_clip = true});
        assert_true((out.features[0] != NULL) == (i == 1));
        assert_non_null(out.logits[1]);
        method_output_free(&out);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

/* MaPLe's authors draw one Linear and copy it to all deeper layers. */
static void test_deep__projections_of_deeper_layers_start_as_one(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, w, s, CHANGES("method=maple", "context.count=2", "context.depth=3")));
    const char *const names[] = {"vision_projections.weight", "vision_projections.bias"};
    for (size_t i = 0; i < 2; i++) {
        const tensor *all = params_find(&m->trained, names[i]);
        assert_int_equal(t_size(all, 0), 2);
        assert_true(tensor_max_difference(s, t_select(s, all, 0, 0), t_select(s, all, 0, 1)) == 0.0);
    }
    const int64_t d_v = w->clip->dims.vision.width, d_l = w->clip->dims.text.width;
    assert_int_equal(params_numel(&m->trained), 2 * d_l + 3 * (d_v * d_l + d_v) + 2 * 2 * d_l);
    method_free(m);
    assert_ok(scope_close(s));
}

static void test_deep__settings_that_do_not_fit_are_refused(void **state)
{
    const struct {
        const char *const *changes;
        const char *message;
    } cases[] = {
        {CHANGES("method=ivlp", "context.depth=4"),
         "context.depth: 4 text layers get vectors, but the model has 3"},
        {CHANGES("method=maple", "context.count=5"), "context.init: \"words\" are at most the 4 of \"a photo "
                                                     "of a\", but context.count is 5; \"random\" takes "
                                                     "any count"},
        {CHANGES("method=promptsrc", "context.class_specific=true"),
         "method promptsrc has one context for all classes, before the name: context.class_specific is "
         "false, "
         "context.position \"end\""},
        {CHANGES("method=vpt", "vision_prompt.count=0"),
         "vision_prompt.count is 0, which only methods ivlp and promptsrc may have"},
        {CHANGES("method=vpt", "agreement.text_weight=1"),
         "agreement.text_weight: method vpt leaves the text as CLIP has it"},
        {CHANGES("method=kgcoop", "agreement.image_weight=1"),
         "agreement.image_weight: method kgcoop leaves the image features as CLIP has them"},
        {CHANGES("method=promptsrc", "agreement.image_weight=1", "vision_prompt.count=0"),
         "agreement.image_weight: method promptsrc leaves the image features as CLIP has them if "
         "vision_prompt.count is 0"},
        {CHANGES("method=linear_probe", "agreement.logits_weight=1"),
         "method linear_probe is fitted at once: it has no agreement.* terms and no average over epochs"},
        {CHANGES("method=tip_adapter", "average.deviation=1"),
         "method tip_adapter is fitted at once: it has no agreement.* terms and no average over epochs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        assert_int_equal(create(&m, *state, s, cases[i].changes), ERR_USAGE);
        assert_string_equal(error_message(), cases[i].message);
        assert_null(m);
        (void)scope_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_deep__an_untrained_context_of_one_layer_is_clip),
        torch_unit_test(test_deep__promptsrc_without_its_terms_is_ivlp),
        torch_unit_test(test_deep__kgcoop_has_a_template_of_its_own_for_textures),
        torch_unit_test(test_deep__terms_that_are_left_to_the_method_are_its_own),
        torch_unit_test(test_deep__a_step_that_skips_clip_encodes_it_only_for_the_terms),
        torch_unit_test(test_deep__projections_of_deeper_layers_start_as_one),
        torch_unit_test(test_deep__settings_that_do_not_fit_are_refused),
    };
    return fixture_run_both("deep", tests, DTYPE_F32);
}
