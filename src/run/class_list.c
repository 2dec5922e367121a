/* Classes ready for the text tower. */
#include "prompt/run/class_list.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/run/features.h"

/* The model's own tokenizer is transformers', which lacks most of the cleaning: its users get other tokens
 * for some names. Notes the first such name, once a session. */
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

static struct text_form form_of(const struct session *s)
{
    const struct method_options options = session_method_options(s->config);
    return method_text_form(&options);
}

int class_list_tokenize(struct class_list *out, const struct session *s, char *const *names, int64_t n,
                        const char *template)
{
    const bool has_file = s->templates.n > 0;
    const char *const *templates = has_file ? (const char *const *)s->templates.items : &template;
    const size_t n_templates = has_file ? s->templates.n : 1;
    const struct text_form form = form_of(s);
    const int64_t context_length = s->weights->dims.context_length;
    *out = (struct class_list){.names = names, .n = n};
    if (form.is_caption && n_templates > 1)
        return error_set(
            ERR_USAGE,
            "method %s trains one caption of a class, but there are %zu templates: give one sentence "
            "as zero_shot_template",
            method_kind_names[s->config->method], n_templates);
    out->captions = calloc(n_templates, sizeof *out->captions);
    int status = out->captions ? OK : error_out_of_memory();
    for (; status == OK && out->n_templates < n_templates; out->n_templates++)
        status = caption_rows_create(&out->captions[out->n_templates], s->tokenizer, names, n,
                                     templates[out->n_templates], context_length);
    if (status == OK && form.is_caption)
        status = caption_rows_create(&out->prompts, s->tokenizer, names, n, templates[0], context_length);
    else if (status == OK)
        status = prompt_rows_create(&out->prompts, s->tokenizer, names, n, &form, context_length);
    if (status != OK)
        class_list_close(out);
    return status;
}

/* Tokens, then features and layout of names: separate rows are for training alone. */
static int open_list(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                     char *const *names, int64_t n, const char *template, struct class_list_use use)
{
    const struct text_form form = form_of(s);
    int status = class_list_tokenize(out, s, names, n, template);
    if (status != OK)
        return status;
    out->prompts.is_separate = use.trains && form.is_separate;
    if ((status = note_other_tokens(s, names, n)) == OK) {
        const tensor *captions =
            features_of_captions(owner, s, model, out->captions, out->n_templates, TEMPLATE_MEAN_NORMALIZED);
        if ((status = scope_status(owner)) == OK)
            status = class_texts_create(&out->texts, owner, model, &out->prompts,
                                        text_form_is_whole(&form) ? 0 : form.n_before,
                                        form.per_image ? use.batch_size : 1, captions);
    }
    if (status != OK)
        class_list_close(out);
    return status;
}

int class_list_open(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                    const struct dataset *d, enum class_subset subset, struct class_list_use use)
{
    int64_t first = 0, n = 0;
    class_subset_range(&first, &n, subset, d->n_classes);
    int status = open_list(out, owner, s, model, d->class_names + first, n, session_template(s, d), use);
    if (status == OK) {
        out->dataset = d;
        out->subset = subset;
    }
    return status;
}

int class_list_open_names(struct class_list *out, scope *owner, struct session *s, const struct clip *model,
                          char *const *names, int64_t n, struct class_list_use use)
{
    return open_list(out, owner, s, model, names, n, s->config->zero_shot_template, use);
}

/* ---------------------------------------------------------------- the teacher */

/* Features of the captions that follow these templates. */
static int encode_teacher(struct class_list *c, scope *owner, struct session *s, const struct clip *model,
                          const char *const *templates, size_t n)
{
    struct token_rows *rows = calloc(n, sizeof *rows);
    size_t n_made = 0;
    int status = rows ? OK : error_out_of_memory();
    for (; status == OK && n_made < n; n_made++)
        status = caption_rows_create(&rows[n_made], s->tokenizer, c->names, c->n, templates[n_made],
                                     s->weights->dims.context_length);
    if (status != OK)
        error_context("agreement.templates");
    if (status == OK) {
        c->texts.teacher = features_of_captions(owner, s, model, rows, n, TEMPLATE_MEAN_RAW);
        status = scope_status(owner);
    }
    for (size_t i = 0; rows && i < n; i++)
        token_rows_free(&rows[i]);
    free(rows);
    return status;
}

int class_list_add_teacher(struct class_list *c, scope *owner, struct session *s, const struct clip *model)
{
    const struct method_options options = session_method_options(s->config);
    const char *own = c->dataset ? c->dataset->template : session_template(s, NULL);
    const char *template = agreement_kgcoop_template(own);
    if (!agreement_reads_teacher(&options.regularization))
        return OK;
    switch (options.regularization.templates) {
    case AGREEMENT_SOURCE_KGCOOP:
        return encode_teacher(c, owner, s, model, &template, 1);
    case AGREEMENT_SOURCE_PROMPTSRC:
        return encode_teacher(c, owner, s, model, agreement_templates, AGREEMENT_N_TEMPLATES);
    case AGREEMENT_SOURCE_CAPTIONS:
    case AGREEMENT_SOURCE_OWN:
        break;
    }
    c->texts.teacher = c->texts.caption_features;
    return OK;
}

/* The first of the training's names that is `name` and has no class yet, or -1; takes it. */
static int64_t take_name(struct str_list *trained, const char *name)
{
    for (size_t r = 0; r < trained->n; r++)
        if (trained->items[r] && strcmp(trained->items[r], name) == 0) {
            free(trained->items[r]);
            trained->items[r] = NULL;
            return (int64_t)r;
        }
    return -1;
}

int class_list_match(struct class_list *c, const struct provenance *training)
{
    struct str_list trained = {0};
    int64_t *rows = malloc((size_t)c->n * sizeof *rows);
    int status = rows ? provenance_class_names(&trained, training) : error_out_of_memory();
    for (int64_t k = 0; status == OK && k < c->n; k++)
        rows[k] = take_name(&trained, c->names[k]);
    str_list_free(&trained);
    free(status == OK ? c->texts.trained_rows : rows);
    if (status == OK)
        c->texts.trained_rows = rows;
    return status;
}

void class_list_close(struct class_list *c)
{
    class_texts_free(&c->texts);
    token_rows_free(&c->prompts);
    for (size_t i = 0; i < c->n_templates; i++)
        token_rows_free(&c->captions[i]);
    free(c->captions);
    *c = (struct class_list){0};
}
