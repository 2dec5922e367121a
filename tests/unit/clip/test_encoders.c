/* The seams of both towers on the recorded small CLIP, with both encoders: what fits, and that rows and
 * images do not mix. */
#include "fixture_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor_check.h"

static const double TOLERANCE = 1e-5; /* absolute; measured 2026-11-24: at most 1.7e-6 */

/* ---------------------------------------------------------------- text */

/* Rows `first`.. of `rows`, `n` of them, padded with `padding` to `n_tokens` each. token_rows_free frees them. */
static struct token_rows some_rows(const struct token_rows *rows, int64_t first, int64_t n, int64_t n_tokens,
                                   int64_t padding)
{
    struct token_rows out;
    assert_ok(token_rows_create(&out, n, n_tokens));
    for (int64_t k = 0; k < n; k++) {
        const int64_t *ids = rows->ids + (first + k) * rows->n_tokens;
        out.ends[k] = rows->ends[first + k];
        assert_in_range(out.ends[k], 0, n_tokens - 1);
        for (int64_t i = 0; i < n_tokens; i++)
            out.ids[k * n_tokens + i] = i <= out.ends[k] ? ids[i] : padding;
    }
    return out;
}

/* Two prefixes of five embeddings, different in every position. */
static tensor *two_prefixes(scope *s, const struct fixture *w)
{
    const int64_t ids[10] = {1, 2, 3, 4, 5, 20, 21, 22, 23, 24};
    return t_reshape(s, clip_embed_tokens(s, w->clip, ids, 10), SHAPE(2, 5, w->clip->dims.text.width));
}

/* The features of `rows` behind `prefixes`, laid out for this call alone. */
static tensor *encode_rows(scope *s, const struct fixture *w, const tensor *prefixes,
                           const struct token_rows *rows)
{
    enum { IMAGES_AT_A_TIME = 128 }; /* so that the rows make several chunks */
    struct class_texts texts;
    assert_ok(class_texts_create(&texts, s, w->clip, rows, prefixes ? t_size(prefixes, 1) : 0,
                                 IMAGES_AT_A_TIME, NULL));
    tensor *z = clip_encode_text(s, w->clip, NULL, (struct text_vectors){.first = prefixes}, &texts);
    class_texts_free(&texts);
    return z;
}

static void expect_close(scope *s, const tensor *got, const tensor *want)
{
    const double difference = tensor_max_difference(s, got, want);
    if (!(difference <= TOLERANCE))
        fail_msg("largest difference %.1e", difference);
}

static void test_encoders__a_class_alone_has_the_features_it_has_among_others(void **state)
{
    const struct fixture *w = *state;
    const struct token_rows *all = &w->names;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *prefixes = two_prefixes(s, w);
    tensor *together = encode_rows(s, w, prefixes, all); /* [2,K,d] */
    for (int64_t k = 0; k < all->n; k++) {
        struct token_rows one = some_rows(all, k, 1, all->ends[k] + 1, 0); /* no padding at all */
        expect_close(s, encode_rows(s, w, prefixes, &one), t_narrow(s, together, 1, k, 1));
        token_rows_free(&one);
    }
    assert_ok(scope_close(s));
}

static void test_encoders__padding_is_never_read(void **state)
{
    const struct fixture *w = *state;
    const struct token_rows *rows = &w->names;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *prefixes = two_prefixes(s, w);
    struct token_rows longer = some_rows(rows, 0, rows->n, 40, 33);
    expect_close(s, encode_rows(s, w, prefixes, &longer), encode_rows(s, w, prefixes, rows));
    token_rows_free(&longer);
    assert_ok(scope_close(s));
}

static void test_encoders__each_prefix_gives_the_features_it_gives_alone(void **state)
{
    const struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *prefixes = two_prefixes(s, w);
    tensor *both = encode_rows(s, w, prefixes, &w->names);
    for (int64_t b = 0; b < 2; b++)
        expect_close(s, encode_rows(s, w, t_narrow(s, prefixes, 0, b, 1), &w->names),
                     t_narrow(s, both, 0, b, 1));
    /* and the prefix counts: the two are not the same */
    assert_true(tensor_max_difference(s, t_select(s, both, 0, 0), t_select(s, both, 0, 1)) > 0.1);
    assert_ok(scope_close(s));
}

static void test_encoders__a_prefix_of_embedded_tokens_is_those_tokens(void **state)
{
    const struct fixture *w = *state;
    const struct token_rows *names = &w->names;
    const int64_t n_start = (int64_t)w->start.n; /* start token and "a photo of a" */
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *prefix = t_unsqueeze(s, clip_embed_tokens(s, w->clip, w->start.ids, n_start), 0); /* [1,5,d_l] */
    expect_close(s, encode_rows(s, w, prefix, names), encode_rows(s, w, NULL, &w->captions));
    assert_ok(scope_close(s));
}

static void test_encoders__more_positions_than_the_context_are_an_error(void **state)
{
    const struct fixture *w = *state;
    const int64_t room = w->clip->dims.context_length - w->names.n_tokens;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct class_texts texts;
    assert_non_null(
        encode_rows(s, w, t_zeros(s, SHAPE(1, room, w->clip->dims.text.width), DTYPE_F32, CPU), &w->names));
    assert_int_equal(class_texts_create(&texts, s, w->clip, &w->names, room + 1, 1, NULL), ERR_SHAPE);
    assert_string_equal(error_message(),
                        "a prefix of 72 and a row of 6 tokens do not fit into the context of 77");
    class_texts_free(&texts);
    assert_ok(scope_close(s));
}

static void test_encoders__a_prefix_of_another_length_than_the_texts_is_an_error(void **state)
{
    const struct fixture *w = *state;
    const int64_t lengths[][2] = {{5, 4}, {5, 6}, {5, 0}, {0, 5}}; /* laid out for, given */
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const int64_t want = lengths[i][0], got = lengths[i][1];
        scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
        struct class_texts texts;
        assert_ok(class_texts_create(&texts, s, w->clip, &w->names, want, 1, NULL));
        const tensor *prefix =
            got ? t_zeros(s, SHAPE(1, got, w->clip->dims.text.width), DTYPE_F32, CPU) : NULL;
        assert_null(clip_encode_text(s, w->clip, NULL, (struct text_vectors){.first = prefix}, &texts));
        char says[96];
        snprintf(says, sizeof says, "the texts are laid out for %d learned vectors, not for %d", (int)want,
                 (int)got);
        assert_string_equal(error_message(), says);
        class_texts_free(&texts);
        assert_int_equal(scope_close(s), ERR_SHAPE);
    }
}

/* ---------------------------------------------------------------- images */

enum { N_LAYERS = 3, A = 2 };

/* Prompts [B,A,d_v] for every layer, cut from the image tokens: of the images' own scale, all different. */
static void some_prompts(tensor **out, scope *s, const tensor *tokens)
{
    for (int64_t j = 0; j < N_LAYERS; j++)
        out[j] = t_scale(s, t_narrow(s, tokens, 1, 1 + j * A, A), 0.5);
}

static void test_encoders__a_batch_of_images_equals_one_by_one(void **state)
{
    const struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *prompts[N_LAYERS], *own[N_LAYERS];
    struct image_tokens tokens = clip_image_tokens(s, w->clip, w->pixels);
    some_prompts(prompts, s, tokens.x);
    for (int64_t J = 0; J <= N_LAYERS; J++) {
        tensor *batch = clip_encode_image(s, w->clip, NULL, tokens, (const tensor *const *)prompts, J);
        for (int64_t i = 0; i < t_size(w->pixels, 0); i++) {
            struct image_tokens mine = clip_image_tokens(s, w->clip, t_narrow(s, w->pixels, 0, i, 1));
            some_prompts(own, s, mine.x);
            expect_close(s, clip_encode_image(s, w->clip, NULL, mine, (const tensor *const *)own, J),
                         t_narrow(s, batch, 0, i, 1));
        }
    }
    assert_ok(scope_close(s));
}

/* The fast encoder packs a weight when a pass needs it: one tower leaves the other alone. */
static void test_encoders__a_tower_that_is_not_used_is_not_packed(void **state)
{
    const struct fixture *w = *state;
    enum { N_PRODUCTS = 5 * N_LAYERS }; /* of an evaluation, about: qkv, out and MLP in each layer */
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct clip *c = NULL;
    assert_ok(clip_create(&c, s, w->weights, CPU, w->clip->dtypes, ENCODER_FAST));
    const size_t opened = scope_live_tensors();
    scope *pass = scope_open(s, SCOPE_GRAD_OFF);
    clip_encode_rows(pass, c, &w->captions);
    assert_ok(scope_close(pass));
    const size_t with_text = scope_live_tensors();
    assert_in_range(with_text - opened, N_PRODUCTS, 2 * N_PRODUCTS); /* a weight and a bias each */
    pass = scope_open(s, SCOPE_GRAD_OFF);
    clip_encode_image(pass, c, NULL, clip_image_tokens(pass, c, w->pixels), NULL, 0);
    assert_ok(scope_close(pass));
    assert_in_range(scope_live_tensors() - with_text, N_PRODUCTS, 2 * N_PRODUCTS);
    clip_free(c);
    assert_ok(scope_close(s));
}

/* The tower layer by layer as Eqs. 8 and 9 say it, without what vision.c shares between its cases. */
static tensor *encode_by_hand(scope *s, const struct clip *c, const tensor *tokens, tensor *const *prompts,
                              int64_t n_prompts)
{
    const int64_t M = t_size(tokens, 1) - 1;
    tensor *class_token = t_narrow(s, tokens, 1, 0, 1), *patches = t_narrow(s, tokens, 1, 1, M);
    tensor *own = NULL; /* what layer J put out at its prompts */
    for (int64_t j = 0; j < N_LAYERS; j++) {
        const tensor *between = j < n_prompts ? prompts[j] : own;
        const tensor *x = between ? t_cat(s, TENSORS(class_token, between, patches), 1)
                                  : t_cat(s, TENSORS(class_token, patches), 1);
        const int64_t n_between = between ? A : 0;
        x = nn_block(s, &c->vision_blocks[j], x, false);
        class_token = t_narrow(s, x, 1, 0, 1);
        own = between ? t_narrow(s, x, 1, 1, n_between) : NULL;
        patches = t_narrow(s, x, 1, 1 + n_between, M);
    }
    return nn_linear(s, &c->vision_projection, nn_norm(s, &c->ln_post, t_squeeze(s, class_token, 1)));
}

static void test_encoders__layers_up_to_j_get_fresh_prompts_and_js_own_go_on(void **state)
{
    const struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct clip *plain = NULL; /* the fast encoder's blocks are packed */
    assert_ok(clip_create(&plain, s, w->weights, CPU, w->clip->dtypes, ENCODER_PLAIN));
    tensor *prompts[N_LAYERS];
    struct image_tokens tokens = clip_image_tokens(s, w->clip, w->pixels);
    some_prompts(prompts, s, tokens.x);
    for (int64_t J = 0; J <= N_LAYERS; J++)
        expect_close(s, clip_encode_image(s, w->clip, NULL, tokens, (const tensor *const *)prompts, J),
                     encode_by_hand(s, plain, tokens.x, prompts, J));
    clip_free(plain);
    assert_ok(scope_close(s));
}

static void test_encoders__every_layers_prompts_count(void **state)
{
    const struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *prompts[N_LAYERS];
    struct image_tokens tokens = clip_image_tokens(s, w->clip, w->pixels);
    some_prompts(prompts, s, tokens.x);
    tensor *before = clip_encode_image(s, w->clip, NULL, tokens, NULL, 0);
    for (int64_t J = 1; J <= N_LAYERS; J++) {
        tensor *x = clip_encode_image(s, w->clip, NULL, tokens, (const tensor *const *)prompts, J);
        assert_true(tensor_max_difference(s, x, before) > 1e-3);
        before = x;
    }
    assert_ok(scope_close(s));
}

static void test_encoders__prompts_for_more_layers_than_there_are_are_an_error(void **state)
{
    const struct fixture *w = *state;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const tensor *prompts[N_LAYERS + 1];
    for (int j = 0; j <= N_LAYERS; j++)
        prompts[j] = t_zeros(s, SHAPE(8, A, w->clip->dims.vision.width), DTYPE_F32, CPU);
    struct image_tokens tokens = clip_image_tokens(s, w->clip, w->pixels);
    assert_null(clip_encode_image(s, w->clip, NULL, tokens, prompts, N_LAYERS + 1));
    assert_int_equal(scope_status(s), ERR_SHAPE);
    assert_string_equal(error_message(), "prompts for 4 vision layers, but the model has 3");
    assert_int_equal(scope_close(s), ERR_SHAPE);
}

/* ---------------------------------------------------------------- logits */

static void test_encoders__logits_are_scaled_cosines(void **state)
{
    const struct fixture *w = *state;
    const int64_t d = 2;
    const float x[] = {3, 4, /**/ 0, 2}, z[] = {10, 0, /**/ 0, -0.5F, /**/ 6, 8};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    tensor *logits = clip_logits(s, w->clip, t_from_f32(s, x, SHAPE(2, d), DTYPE_F32, CPU),
                                 t_from_f32(s, z, SHAPE(1, 3, d), DTYPE_F32, CPU));
    const double cosines[] = {0.6, -0.8, 1, /**/ 0, -1, 0.8};
    double got[6];
    assert_ok(t_read_f64(got, 6, s, logits));
    for (int i = 0; i < 6; i++)
        assert_true(got[i] / w->clip->logit_scale - cosines[i] < 1e-6 &&
                    got[i] / w->clip->logit_scale - cosines[i] > -1e-6);
    assert_ok(scope_close(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_encoders__a_class_alone_has_the_features_it_has_among_others),
        torch_unit_test(test_encoders__padding_is_never_read),
        torch_unit_test(test_encoders__each_prefix_gives_the_features_it_gives_alone),
        torch_unit_test(test_encoders__a_prefix_of_embedded_tokens_is_those_tokens),
        torch_unit_test(test_encoders__more_positions_than_the_context_are_an_error),
        torch_unit_test(test_encoders__a_prefix_of_another_length_than_the_texts_is_an_error),
        torch_unit_test(test_encoders__a_batch_of_images_equals_one_by_one),
        torch_unit_test(test_encoders__a_tower_that_is_not_used_is_not_packed),
        torch_unit_test(test_encoders__layers_up_to_j_get_fresh_prompts_and_js_own_go_on),
        torch_unit_test(test_encoders__every_layers_prompts_count),
        torch_unit_test(test_encoders__prompts_for_more_layers_than_there_are_are_an_error),
        torch_unit_test(test_encoders__logits_are_scaled_cosines),
    };
    return fixture_run_both("encoders", tests, DTYPE_F32);
}
