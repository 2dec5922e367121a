/* Context vectors, in the first layer and deeper. */
#include "prompt/methods/context.h"

#include <inttypes.h>
#include <stdlib.h>

static int check_words(const struct method_options *o, bool others_stay)
{
    const int64_t n = o->context_count;
    if (o->context_init != CONTEXT_INIT_WORDS || n == PROMPT_N_WORDS || (others_stay && n < PROMPT_N_WORDS))
        return OK;
    return error_set(ERR_USAGE,
                     "context.init: \"words\" are %sthe %d of \"a photo of a\", but context.count is %" PRId64
                     "; \"random\" takes any count",
                     others_stay ? "at most " : "", PROMPT_N_WORDS, n);
}

static int create(struct method *m, const struct method_init *init, bool others_stay)
{
    const struct method_options *o = &m->options;
    const int64_t n = o->context_count;
    const int64_t dims[] = {init->n_train_classes, n, m->clip->dims.text.width};
    const size_t skip = o->context_class_specific ? 0 : 1; /* one set for all classes */
    int status = OK;
    if ((status = check_words(o, others_stay)) != OK ||
        (status = method_add_normal(m, init->seed, "context", METHOD_PROMPT_STD, dims + skip, 3 - skip)) !=
            OK ||
        o->context_init == CONTEXT_INIT_RANDOM)
        return status;
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    t_copy_(s, params_find(&m->trained, "context"),
            clip_embed_tokens(s, m->clip, init->start_tokens->ids + 1, n)); /* the same for every class */
    return scope_close(s);
}

int context_create(struct method *m, const struct method_init *init)
{
    return create(m, init, false);
}

struct text_form context_text_form(const struct method_options *o)
{
    const int64_t n = o->context_count;
    const int64_t n_before = o->context_position == CONTEXT_POSITION_MIDDLE ? n / 2 : n;
    return (struct text_form){
        .n_before = 1 + n_before, .n_after = n - n_before, .per_class = o->context_class_specific};
}

/* ---------------------------------------------------------------- deep */

int context_create_deep(struct method *m, const struct method_init *init)
{
    const struct method_options *o = &m->options;
    const int64_t J = o->context_depth, L = m->clip->dims.text.n_layers;
    if (o->context_class_specific || o->context_position != CONTEXT_POSITION_END)
        return error_set(ERR_USAGE,
                         "method %s has one context for all classes, before the name: "
                         "context.class_specific is false, context.position \"end\"",
                         method_kind_names[o->kind]);
    if (J > L)
        return error_set(ERR_USAGE,
                         "context.depth: %" PRId64 " text layers get vectors, but the model has %" PRId64, J,
                         L);
    int status = create(m, init, true);
    if (status != OK || J == 1)
        return status;
    return method_add_normal(m, init->seed, "text_prompts", METHOD_PROMPT_STD,
                             SHAPE(J - 1, o->context_count, m->clip->dims.text.width));
}

struct text_form context_deep_text_form(const struct method_options *o)
{
    const bool words_stay = o->context_init == CONTEXT_INIT_WORDS && o->context_count < PROMPT_N_WORDS;
    return (struct text_form){.n_before = 1 + o->context_count,
                              .n_words = words_stay ? PROMPT_N_WORDS - o->context_count : 0};
}

tensor *context_encode_deep(scope *s, const struct method *m, struct tape *tape,
                            const struct class_texts *classes)
{
    const int64_t n_deep = m->options.context_depth - 1;
    const tensor *prompts = params_find(&m->trained, "text_prompts"); /* [J-1,n,d_l] */
    const tensor **deep = calloc((size_t)n_deep + 1, sizeof *deep);
    if (!deep) {
        scope_fail(s, error_out_of_memory());
        return NULL;
    }
    for (int64_t i = 0; i < n_deep; i++)
        deep[i] = t_narrow(s, prompts, 0, i, 1);
    tensor *context = t_unsqueeze(s, params_find(&m->trained, "context"), 0);
    const struct text_vectors vectors = {
        .first = method_after_start(s, m, context), .deep = deep, .n_deep = n_deep};
    tensor *z = clip_encode_text(s, m->clip, tape, vectors, classes);
    free(deep);
    return z;
}
