/* Methods on the recorded small CLIP: what is trained and how it starts, the filter, the loss, refusals. */
#include "method_start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/methods/filter.h"

/* ---------------------------------------------------------------- trained tensors */

static void test_methods__prompt_trains_prompts_and_generators(void **state)
{
    const struct {
        const char *name;
        int64_t n_dims, dims[3];
    } want[] = {
        {"vision_prompts", 3, {2, 4, 48}},           {"text_prompts", 2, {5, 32}},
        {"vision_generator.fc1.weight", 2, {4, 64}}, {"vision_generator.fc1.bias", 2, {2, 4}},
        {"vision_generator.fc2.weight", 2, {48, 4}}, {"vision_generator.fc2.bias", 2, {2, 48}},
        {"text_generator.fc1.weight", 2, {4, 64}},   {"text_generator.fc1.bias", 1, {4}},
        {"text_generator.fc2.weight", 2, {32, 4}},   {"text_generator.fc2.bias", 1, {32}},
    };
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, *state, s, NULL));
    assert_int_equal(m->trained.n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < m->trained.n; i++) {
        const tensor *t = m->trained.items[i].value;
        assert_string_equal(m->trained.items[i].name, want[i].name);
        assert_int_equal(t_dim(t), want[i].n_dims);
        for (int64_t j = 0; j < want[i].n_dims; j++)
            assert_int_equal(t_size(t, j), want[i].dims[j]);
        assert_true(t_requires_grad(t));
    }
    method_free(m);
    assert_ok(scope_close(s));
}

static void test_methods__without_iterations_nothing_is_trained(void **state)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, *state, s, CHANGES("iterations=0")));
    assert_int_equal(m->trained.n, 0);
    assert_int_equal(method_text_form(&m->options).n_before, 0);
    method_free(m);
    assert_ok(scope_close(s));
}

static void test_methods__text_prompts_start_as_a_photo_of_a(void **state)
{
    struct fixture *w = *state;
    enum { SOS = 62, A = 1, PHOTO = 2, OF = 3, RANDOM = -1 };
    const struct {
        const char *count, *covers;
        int64_t n, rows[7];
    } cases[] = {
        {"text_prompt.count=5", "text_prompt.covers_sos=true", 5, {SOS, A, PHOTO, OF, A}},
        {"text_prompt.count=3", "text_prompt.covers_sos=true", 3, {PHOTO, OF, A}},
        {"text_prompt.count=7", "text_prompt.covers_sos=true", 7, {SOS, RANDOM, RANDOM, A, PHOTO, OF, A}},
        {"text_prompt.count=5", "text_prompt.covers_sos=false", 5, {RANDOM, A, PHOTO, OF, A}},
        {"text_prompt.count=4", "text_prompt.covers_sos=false", 4, {A, PHOTO, OF, A}},
        {"text_prompt.count=2", "text_prompt.covers_sos=false", 2, {OF, A}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct method *m = NULL;
        assert_ok(create(&m, w, s, CHANGES(cases[i].count, cases[i].covers)));
        const tensor *prompts = params_find(&m->trained, "text_prompts");
        assert_int_equal(t_size(prompts, 0), cases[i].n);
        for (int64_t row = 0; row < cases[i].n; row++)
            expect_row(s, w, prompts, row, cases[i].rows[row]);
        assert_int_equal(method_text_form(&m->options).n_before,
                         cases[i].n + (strstr(cases[i].covers, "false") != NULL));
        method_free(m);
        assert_ok(scope_close(s));
    }
}

static void test_methods__the_seed_makes_the_start(void **state)
{
    struct fixture *w = *state;
    const struct method_options options = fixture_options(fixture_defaults(w), NULL);
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m[3] = {NULL};
    const uint64_t seeds[] = {0, 0, 1};
    for (int i = 0; i < 3; i++) {
        const struct method_init init = {
            .seed = seeds[i], .n_train_classes = w->names.n, .start_tokens = &w->start};
        assert_ok(method_create(&m[i], s, w->clip, &options, &init));
    }
    for (size_t i = 0; i < m[0]->trained.n; i++) {
        const tensor *t = m[0]->trained.items[i].value;
        assert_true(tensor_max_difference(s, t, m[1]->trained.items[i].value) == 0.0);
        if (strcmp(m[0]->trained.items[i].name, "text_prompts") != 0) /* all from the embeddings */
            assert_true(tensor_max_difference(s, t, m[2]->trained.items[i].value) > 0.0);
    }
    for (int i = 0; i < 3; i++)
        method_free(m[i]);
    assert_ok(scope_close(s));
}

static void test_methods__generators_start_as_linear_layers_do(void **state)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, *state, s, NULL));
    const struct {
        const char *name;
        double bound; /* 1 / sqrt(inputs): 64 and 4 */
    } cases[] = {{"vision_generator.fc1.weight", 0.125}, {"vision_generator.fc1.bias", 0.125},
                 {"vision_generator.fc2.weight", 0.5},   {"vision_generator.fc2.bias", 0.5},
                 {"text_generator.fc1.weight", 0.125},   {"text_generator.fc2.weight", 0.5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double largest = 0.0, least = 0.0;
        const tensor *values = params_find(&m->trained, cases[i].name);
        assert_ok(t_item_f64(&largest, s, t_max(s, values)));
        assert_ok(t_item_f64(&least, s, t_scale(s, t_max(s, t_scale(s, values, -1.0)), -1.0)));
        const double size = largest > -least ? largest : -least;
        if (!(size <= cases[i].bound && size > 0.7 * cases[i].bound))
            fail_msg("%s: largest %g, bound %g", cases[i].name, size, cases[i].bound);
        if (!(least < 0.0 && largest > 0.0))
            fail_msg("%s: values from %g to %g, expected both signs", cases[i].name, least, largest);
    }
    method_free(m);
    assert_ok(scope_close(s));
}

/* ---------------------------------------------------------------- filter and loss */

static void test_methods__filter_picks_the_most_probable_and_their_rows(void **state)
{
    (void)state;
    const float logits[] = {1, 4, 2, 4, /**/ 9, 0, 0, 0}, z[] = {0, 0.5F, 1, 1.5F, 2, 2.5F, 3, 3.5F};
    const int64_t want[] = {1, 3, 2, /**/ 0, 1, 2};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *picks = filter_pick(s, t_from_f32(s, logits, SHAPE(2, 4), DTYPE_F32, CPU), 3);
    int64_t got[6];
    assert_ok(t_read_i64(got, 6, s, picks));
    assert_memory_equal(got, want, sizeof want);
    tensor *rows = filter_gather(s, t_from_f32(s, z, SHAPE(1, 4, 2), DTYPE_F32, CPU), picks); /* [2,3,2] */
    float values[12];
    assert_ok(t_read_f32(values, 12, s, rows));
    for (int i = 0; i < 12; i++)
        assert_true(values[i] == (float)want[i / 2] + (i % 2 ? 0.5F : 0.0F));
    assert_ok(scope_close(s));
}

static void test_methods__loss_weights_fall_from_the_last_iteration(void **state)
{
    struct fixture *w = *state;
    const double lambdas[] = {0.5, 1.0, 0.0}, want[3][3] = {{0.25, 0.5, 1}, {1, 1, 1}, {0, 0, 1}};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_ok(create(&m, w, s, CHANGES("iterations=3")));
    const float logits[4][2] = {{7, 0}, {0, 1}, {2, 0}, {0, 5}};
    struct method_output out = {.n_iterations = 3};
    for (int n = 0; n <= 3; n++)
        out.logits[n] = t_from_f32(s, logits[n], SHAPE(1, 2), DTYPE_F64, CPU);
    tensor *label = t_from_i64(s, (const int64_t[]){0}, SHAPE(1), CPU);
    for (int i = 0; i < 3; i++) {
        m->options.loss_weight = lambdas[i];
        double total = 0.0, expected = 0.0;
        const struct method_losses losses = method_loss(s, m, &out, label);
        assert_ok(t_item_f64(&total, s, losses.total));
        for (int n = 0; n < 3; n++) {
            double loss = 0.0;
            assert_ok(t_item_f64(&loss, s, losses.cross_entropy[n]));
            assert_true(fabs(loss - log1p(exp((double)(logits[n + 1][1] - logits[n + 1][0])))) < 1e-12);
            expected += want[i][n] * loss;
        }
        assert_true(fabs(total - expected) < 1e-12);
    }
    method_free(m);
    assert_ok(scope_close(s));
}

static void test_methods__iteration_zero_is_plain_clip(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *prompt = NULL, *clip = NULL;
    struct method_output with, without;
    assert_ok(create(&prompt, w, s, NULL));
    const struct method_init init = {.seed = 1, .n_train_classes = w->names.n, .start_tokens = &w->start};
    struct method_options options = prompt->options;
    options.kind = METHOD_CLIP;
    assert_ok(method_create(&clip, s, w->clip, &options, &init));
    assert_int_equal(clip->trained.n, 0);
    method_forward(&with, s, prompt, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
    method_forward(&without, s, clip, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
    assert_int_equal(with.n_iterations, 2);
    assert_int_equal(without.n_iterations, 0);
    assert_true(tensor_max_difference(s, with.logits[0], without.logits[0]) == 0.0);
    assert_true(tensor_max_difference(s, with.logits[1], with.logits[0]) > 0.1);
    method_output_free(&with);
    method_output_free(&without);
    method_free(prompt);
    method_free(clip);
    assert_ok(scope_close(s));
}

/* With no generator of text prompts P^0 is read as it starts: "a photo of a" behind the start token. */
static void test_methods__a_fixed_start_token_stands_before_the_prompt(void **state)
{
    struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *covers = NULL, *behind = NULL;
    struct method_output a, b;
    assert_ok(create(&covers, w, s, CHANGES("text_prompt.generator=false", "text_prompt.count=5")));
    assert_ok(create(
        &behind, w, s,
        CHANGES("text_prompt.generator=false", "text_prompt.count=4", "text_prompt.covers_sos=false")));
    method_forward(&a, s, covers, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
    method_forward(&b, s, behind, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
    for (int n = 0; n <= 2; n++)
        assert_true(tensor_max_difference(s, a.logits[n], b.logits[n]) < 1e-4); /* of 100 */
    method_output_free(&a);
    method_output_free(&b);
    method_free(covers);
    method_free(behind);
    assert_ok(scope_close(s));
}

static void test_methods__prompts_for_more_layers_than_the_model_has(void **state)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct method *m = NULL;
    assert_int_equal(create(&m, *state, s, CHANGES("vision_prompt.depth=4")), ERR_USAGE);
    assert_null(m);
    assert_string_equal(error_message(),
                        "vision_prompt.depth: 4 vision layers get prompts, but the model has 3");
    assert_ok(scope_close(s));
}

static void test_methods__without_the_filter_the_class_count_is_fixed(void **state)
{
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    forward_trained_with_fewer_classes(*state, s, CHANGES("filter=false"));
    assert_int_equal(scope_status(s), ERR_USAGE);
    assert_non_null(strstr(error_message(), "was trained with 10 classes"));
    assert_non_null(strstr(error_message(), "cannot be evaluated with 12"));
    assert_int_equal(scope_close(s), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_methods__prompt_trains_prompts_and_generators),
        torch_unit_test(test_methods__without_iterations_nothing_is_trained),
        torch_unit_test(test_methods__text_prompts_start_as_a_photo_of_a),
        torch_unit_test(test_methods__the_seed_makes_the_start),
        torch_unit_test(test_methods__generators_start_as_linear_layers_do),
        torch_unit_test(test_methods__filter_picks_the_most_probable_and_their_rows),
        torch_unit_test(test_methods__loss_weights_fall_from_the_last_iteration),
        torch_unit_test(test_methods__iteration_zero_is_plain_clip),
        torch_unit_test(test_methods__a_fixed_start_token_stands_before_the_prompt),
        torch_unit_test(test_methods__prompts_for_more_layers_than_the_model_has),
        torch_unit_test(test_methods__without_the_filter_the_class_count_is_fixed),
    };
    return fixture_run_both("methods", tests, DTYPE_F32);
}
