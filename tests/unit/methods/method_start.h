/** Methods created with some settings changed, and what their learned text starts as. */
#ifndef PROMPT_TESTS_UNIT_METHOD_START_H
#define PROMPT_TESTS_UNIT_METHOD_START_H

#include "fixture_test.h"

#include <math.h>

#include "tensor_check.h"

static inline int create(struct method **out, struct fixture *w, scope *s, const char *const *changes)
{
    const struct method_options options = fixture_options(fixture_defaults(w), changes);
    return fixture_method(out, w, s, &options);
}
#define CHANGES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Row `row` of P^0 is the embedding of token `id`; a negative one stands for a random vector of size 0.02. */
static inline void expect_row(scope *s, const struct fixture *w, const tensor *prompts, int64_t row,
                              int64_t id)
{
    tensor *got = t_narrow(s, prompts, 0, row, 1);
    if (id >= 0) {
        assert_true(tensor_max_difference(s, got, clip_embed_tokens(s, w->clip, &id, 1)) == 0.0);
        return;
    }
    for (int64_t other = 0; other < w->clip->dims.vocab_size; other++)
        assert_true(tensor_max_difference(s, got, clip_embed_tokens(s, w->clip, &other, 1)) > 0.0);
    double square = 0.0;
    assert_ok(t_item_f64(&square, s, t_sum(s, t_mul(s, got, got))));
    const double std = sqrt(square / (double)w->clip->dims.text.width);
    assert_true(std > 0.012 && std < 0.028); /* of 32 values: 0.02 within three standard deviations */
}

/* Two classes more than it was made for: a forward pass that marks the scope as failed. */
static inline void forward_trained_with_fewer_classes(struct fixture *w, scope *s, const char *const *changes)
{
    struct method *all = NULL, *m = NULL;
    struct method_output out;
    assert_ok(create(&all, w, s, changes));
    const struct method_init init = {.seed = 1, .n_train_classes = w->names.n - 2, .start_tokens = &w->start};
    assert_ok(method_create(&m, s, w->clip, &all->options, &init));
    method_forward(&out, s, m, &(struct method_inputs){.classes = &w->texts, .pixels = w->pixels});
    method_output_free(&out);
    method_free(all);
    method_free(m);
}

#endif
