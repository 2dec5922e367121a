/* CoOp, CoCoOp and VPT-deep on the recorded small CLIP: how they start, fixed text, refusals. */
#include "method_start.h"

#include <stdlib.h>
#include <string.h>

static void expect_words(struct fixture *w, scope *s, const tensor *set)
{
    enum { A = 1, PHOTO = 2, OF = 3 };
    const int64_t words[] = {A, PHOTO, OF, A};
    for (int64_t i = 0; i < 4; i++)
        expect_row(s, w, set, i, words[i]);
}

static void test_contexts__contexts_start_as_a_photo_of_a_or_at_random(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *shared = NULL, *each = NULL, *random = NULL;
    assert_ok(create(&shared, w, s, CHANGES("method=coop")));
    assert_int_equal(shared->trained.n, 1);
    expect_words(w, s, params_find(&shared->trained, "context"));
    assert_ok(create(&each, w, s, CHANGES("method=coop", "context.class_specific=true")));
    const tensor *sets = params_find(&each->trained, "context");
    assert_int_equal(t_size(sets, 0), w->names.n);
    for (int64_t k = 0; k < w->names.n; k++)
        expect_words(w, s, t_select(s, sets, 0, k));
    assert_ok(create(&random, w, s, CHANGES("method=coop", "context.count=16", "context.init=random")));
    const tensor *context = params_find(&random->trained, "context");
    assert_int_equal(t_size(context, 0), 16);
    for (int64_t i = 0; i < 16; i++)
        expect_row(s, w, context, i, -1);
    method_free(shared);
    method_free(each);
    method_free(random);
    assert_ok(scope_close(s));
}

/* As they start, the words of the context are those of the caption. */
static void test_contexts__an_untrained_context_is_the_caption(void **state)
{
    struct fixture *w = *state;
    const char *const specific[] = {"context.class_specific=false", "context.class_specific=true"};
    for (size_t i = 0; i < 2; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        struct method_output out;
        assert_ok(create(&m, w, s, CHANGES("method=coop", specific[i])));
        method_forward(&out, s, m, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
        assert_int_equal(out.n_iterations, 1);
        assert_true(tensor_max_difference(s, out.logits[0], out.logits[1]) < 1e-4); /* of 100 */
        method_output_free(&out);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

/* Text that no image changes may be encoded once for all batches. Turned around, it turns the logits around.
 */
static void test_contexts__fixed_text_is_taken_by_the_forward_pass(void **state)
{
    struct fixture *w = *state;
    const char *const *const cases[] = {CHANGES("method=coop"),
                                        CHANGES("method=coop", "context.position=middle"),
                                        CHANGES("text_prompt.generator=false")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        struct method_output own, given;
        assert_ok(create(&m, w, s, cases[i]));
        method_forward(&own, s, m, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
        const tensor *fixed_text = t_scale(s, method_fixed_text(s, m, &w->texts), -1.0);
        assert_non_null(fixed_text);
        method_forward(
            &given, s, m,
            &(struct method_inputs){.classes = &w->texts, .fixed_text = fixed_text, .pixels = w->pixels});
        tensor *turned = t_scale(s, own.logits[1], -1.0);
        assert_true(tensor_max_difference(s, given.logits[1], turned) < 1e-4); /* of 100 */
        method_output_free(&own);
        method_output_free(&given);
        method_free(m);
        assert_ok(scope_close(s));
    }
}

static void test_contexts__text_of_each_image_is_not_fixed(void **state)
{
    const char *const *const cases[] = {CHANGES("method=cocoop"), CHANGES("method=vpt"),
                                        CHANGES("method=clip"), CHANGES("iterations=2"),
                                        CHANGES("iterations=0")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *w = *state;
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        assert_ok(create(&m, w, s, cases[i]));
        assert_null(method_fixed_text(s, m, &w->texts));
        method_free(m);
        assert_ok(scope_close(s));
    }
}

static void test_contexts__the_meta_net_starts_as_linear_layers_do(void **state)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, *state, s, CHANGES("method=cocoop")));
    assert_int_equal(m->trained.n, 5);
    const struct {
        const char *name;
        double bound; /* 1/sqrt(fan_in) */
    } want[] = {{"meta_net.fc1.weight", 0.125},
                {"meta_net.fc1.bias", 0.125},
                {"meta_net.fc2.weight", 0.5},
                {"meta_net.fc2.bias", 0.5}};
    for (size_t i = 0; i < 4; i++) {
        double most = 0.0;
        assert_ok(t_item_f64(&most, s, t_max(s, t_abs(s, params_find(&m->trained, want[i].name)))));
        assert_true(most <= want[i].bound && most > 0.3 * want[i].bound);
    }
    method_free(m);
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- refusals */

static void test_contexts__settings_that_a_method_does_not_have(void **state)
{
    const struct {
        const char *changes[3], *says;
    } cases[] = {
        {{"method=coop", "context.count=16"},
         "context.init: \"words\" are the 4 of \"a photo of a\", but context.count is 16; \"random\" takes "
         "any "
         "count"},
        {{"method=cocoop", "context.class_specific=true"},
         "method cocoop has one context for all classes, before the name: context.class_specific is false, "
         "context.position \"end\""},
        {{"method=vpt", "vision_prompt.depth=4"},
         "vision_prompt.depth: 4 vision layers get prompts, but the model has 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        assert_int_equal(create(&m, *state, s, cases[i].changes), ERR_USAGE);
        assert_string_equal(error_message(), cases[i].says);
        assert_ok(scope_close(s));
    }
}

static void test_contexts__contexts_of_classes_serve_no_other_number_of_them(void **state)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    forward_trained_with_fewer_classes(*state, s, CHANGES("method=coop", "context.class_specific=true"));
    assert_int_equal(scope_status(s), ERR_USAGE);
    assert_string_equal(error_message(),
                        "context.class_specific: contexts of 10 classes cannot be evaluated with 12");
    assert_int_equal(scope_close(s), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_contexts__contexts_start_as_a_photo_of_a_or_at_random),
        torch_unit_test(test_contexts__an_untrained_context_is_the_caption),
        torch_unit_test(test_contexts__fixed_text_is_taken_by_the_forward_pass),
        torch_unit_test(test_contexts__text_of_each_image_is_not_fixed),
        torch_unit_test(test_contexts__the_meta_net_starts_as_linear_layers_do),
        torch_unit_test(test_contexts__settings_that_a_method_does_not_have),
        torch_unit_test(test_contexts__contexts_of_classes_serve_no_other_number_of_them),
    };
    return fixture_run_both("contexts", tests, DTYPE_F32);
}
