/* Context vectors of CoOp and CoCoOp. */
#include "prompt/methods/context.h"

#include <inttypes.h>

static int check_options(const struct method *m, int64_t n_words)
{
    const struct method_options *o = &m->options;
    if (o->context_init == CONTEXT_INIT_WORDS && o->context_count != n_words)
        return error_set(ERR_USAGE,
                         "context.init: \"words\" are the %" PRId64
                         " of \"a photo of a\", but context.count is %" PRId64 "; \"random\" takes any count",
                         n_words, o->context_count);
    return OK;
}

int context_create(struct method *m, const struct method_init *init)
{
    const struct method_options *o = &m->options;
    const int64_t n = o->context_count, n_words = (int64_t)init->start_tokens->n - 1;
    const int64_t dims[] = {init->n_train_classes, n, m->clip->dims.text.width};
    const size_t skip = o->context_class_specific ? 0 : 1; /* one set for all classes */
    int status = OK;
    if ((status = check_options(m, n_words)) != OK ||
        (status = method_add_normal(m, init->seed, "context", METHOD_PROMPT_STD, dims + skip, 3 - skip)) !=
            OK ||
        o->context_init == CONTEXT_INIT_RANDOM)
        return status;
    scope *s = scope_open(m->scope, SCOPE_GRAD_OFF);
    t_copy_(
        s, params_find(&m->trained, "context"),
        clip_embed_tokens(s, m->clip, init->start_tokens->ids + 1, n_words)); /* the same for every class */
    return scope_close(s);
}

struct text_form context_text_form(const struct method_options *o)
{
    const int64_t n = o->context_count;
    const int64_t n_before = o->context_position == CONTEXT_POSITION_MIDDLE ? n / 2 : n;
    return (struct text_form){
        .n_before = 1 + n_before, .n_after = n - n_before, .per_class = o->context_class_specific};
}
