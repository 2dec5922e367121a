/* Classes ready for the text tower. */
#include "prompt/run/class_list.h"

#include <stdlib.h>

/* The model's own tokenizer is transformers', which lacks most of the cleaning: its users get other tokens
 * for some names. The first such name is told once. */
static int note_other_tokens(struct session *s, char *const *names, int64_t n)
{
    int status = OK;
    bool differs = s->weights->format != WEIGHTS_HUGGING_FACE || s->noted_other_tokens;
    for (int64_t i = 0; status == OK && !differs && i < n; i++) {
        char *text = class_caption("{}", names[i]);
        status = text ? tokenizer_differs_from_transformers(&differs, text) : ERR_MEMORY;
        free(text);
        if (status == OK && differs)
            log_info(s->log,
                     "tokens   class '%s' is read as CLIP's own tokenizer does; the model's, transformers', "
                     "replaces no HTML references, curly quotes, ligatures or wide letters, and has other "
                     "tokens for it",
                     names[i]);
        s->noted_other_tokens |= differs;
    }
    return status;
}

int session_tokenize(struct class_rows *out, const struct session *s, char *const *names, int64_t n,
                     const char *template)
{
    const struct method_options options = session_method_options(s->config);
    const struct text_form form = method_text_form(&options);
    const struct templates *file = &s->templates;
    const bool has_file = file->n > 0;
    return class_rows_create(out, s->tokenizer, names, n, has_file ? file->items : &template,
                             has_file ? file->n : 1, &form, s->clip->dims.context_length);
}

/* Rows and features of out->names. */
static int encode_names(struct class_list *out, struct session *s, const char *template, int64_t batch_size)
{
    const struct method_options options = session_method_options(s->config);
    const struct text_form form = method_text_form(&options);
    int status = OK;
    if ((status = session_tokenize(&out->rows, s, out->names, out->n, template)) == OK &&
        (status = note_other_tokens(s, out->names, out->n)) == OK)
        status = class_texts_create(&out->texts, s->scope, s->clip, &out->rows, &form,
                                    form.per_image ? batch_size : 1);
    if (status != OK)
        class_list_close(out);
    return status;
}

int class_list_open(struct class_list *out, struct session *s, const struct dataset *d,
                    enum class_subset subset, int64_t batch_size)
{
    *out = (struct class_list){.dataset = d, .subset = subset};
    int64_t first = 0;
    class_subset_range(&first, &out->n, subset, d->n_classes);
    out->names = d->class_names + first;
    return encode_names(out, s, session_template(s, d), batch_size);
}

int class_list_open_names(struct class_list *out, struct session *s, char *const *names, int64_t n,
                          int64_t batch_size)
{
    *out = (struct class_list){.names = names, .n = n};
    return encode_names(out, s, s->config->zero_shot_template, batch_size);
}

void class_list_close(struct class_list *c)
{
    class_texts_free(&c->texts);
    class_rows_free(&c->rows);
    *c = (struct class_list){0};
}
