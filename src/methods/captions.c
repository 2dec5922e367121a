/* Class names to token rows. */
#include "prompt/methods/captions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/str.h"

char *class_caption(const char *template, const char *class_name)
{
    struct str out = {0};
    const char *hole = strstr(template, "{}");
    str_append_n(&out, template, hole ? (size_t)(hole - template) : strlen(template));
    if (hole) {
        for (const char *c = class_name; *c != '\0'; c++)
            str_append_char(&out, *c == '_' ? ' ' : *c);
        str_append(&out, hole + 2);
    }
    str_append(&out, ""); /* an empty caption is a string too */
    if (out.failed) {
        str_free(&out);
        error_out_of_memory();
    }
    return out.data;
}

static int append_id(struct tokens *t, int64_t id)
{
    int status = array_grow(&t->ids, t->n, sizeof *t->ids);
    if (status == OK)
        t->ids[t->n++] = id;
    return status;
}

/* Rows of equal length, padded with 0 (never read: attention is causal). */
static int pad_rows(struct token_rows *out, const struct tokens *rows, int64_t n)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < n; i++)
        longest = (int64_t)rows[i].n > longest ? (int64_t)rows[i].n : longest;
    int status = token_rows_create(out, n, longest);
    for (int64_t i = 0; status == OK && i < n; i++) {
        memcpy(out->ids + i * longest, rows[i].ids, rows[i].n * sizeof *out->ids);
        out->ends[i] = (int64_t)rows[i].n - 1;
    }
    return status;
}

/* The way from a class name to a row. */
struct row_form {
    const char *template; /* NULL: the text is taken as it is */
    bool starts;          /* with the start token */
    int64_t n_around;     /* positions of learned vectors, which must fit into the context, too */
    int64_t context_length;
};

static int encode_row(struct tokens *out, const struct tokenizer *t, const char *class_name,
                      const struct row_form *form)
{
    const char *what = form->template ? "class" : "caption";
    char *text = form->template ? class_caption(form->template, class_name) : str_dup(class_name);
    if (!text)
        return ERR_MEMORY;
    int status = form->starts ? append_id(out, tokenizer_start(t)) : OK;
    if (status == OK && (status = tokenizer_encode(out, t, text)) != OK)
        error_context("%s '%s'", what, class_name);
    free(text);
    if (status == OK)
        status = append_id(out, tokenizer_end(t));
    const int64_t n = form->n_around + (int64_t)out->n;
    if (status == OK && n > form->context_length)
        status = error_set(ERR_USAGE,
                           "%s '%.200s%s': the text takes %" PRId64
                           " tokens, but the model reads at most %" PRId64,
                           what, class_name, strlen(class_name) > 200 ? "..." : "", n, form->context_length);
    return status;
}

/* Tokenizes all names; the length of the rows is known only then. */
static int encode_all(struct token_rows *out, const struct tokenizer *t, char *const *class_names,
                      int64_t n_classes, const struct row_form *form)
{
    *out = (struct token_rows){0};
    struct tokens *rows = calloc((size_t)n_classes, sizeof *rows);
    int status = rows ? OK : error_out_of_memory();
    for (int64_t i = 0; status == OK && i < n_classes; i++)
        status = encode_row(&rows[i], t, class_names[i], form);
    if (status == OK)
        status = pad_rows(out, rows, n_classes);
    for (int64_t i = 0; rows && i < n_classes; i++)
        tokens_free(&rows[i]);
    free(rows);
    if (status != OK)
        token_rows_free(out);
    return status;
}

int caption_rows_create(struct token_rows *out, const struct tokenizer *t, char *const *class_names,
                        int64_t n_classes, const char *template, int64_t context_length)
{
    const struct row_form form = {template, .starts = true, .context_length = context_length};
    return encode_all(out, t, class_names, n_classes, &form);
}

int text_rows_create(struct token_rows *out, const struct tokenizer *t, char *const *texts, int64_t n,
                     int64_t context_length)
{
    return caption_rows_create(out, t, texts, n, NULL, context_length);
}

/* ---------------------------------------------------------------- texts with learned vectors */

bool text_form_is_whole(const struct text_form *f)
{
    return f->per_class || f->n_after > 0;
}

/* Tokens of each name alone, [K]. "{class}." has as many and its end, unless the dot joins the last one. */
static int measure_names(int64_t *lengths, const struct token_rows *names, const struct tokenizer *t,
                         char *const *class_names)
{
    int status = OK;
    for (int64_t k = 0; status == OK && k < names->n; k++) {
        struct tokens tokens = {0};
        char *name = class_caption("{}", class_names[k]);
        status = name ? tokenizer_encode(&tokens, t, name) : ERR_MEMORY;
        const int64_t n = (int64_t)tokens.n, end = names->ends[k];
        lengths[k] = n < end ? n : end;
        tokens_free(&tokens);
        free(name);
    }
    return status;
}

int learned_rows_create(struct token_rows *out, const struct token_rows *names, const int64_t *name_lengths,
                        const struct text_form *form, int64_t start_id)
{
    const int64_t n_first = form->n_before - 1, n_learned = n_first + form->n_after;
    int status = token_rows_create(out, names->n, 1 + n_learned + names->n_tokens);
    if (status != OK) {
        token_rows_free(out);
        return status;
    }
    out->n_learned = n_learned;
    for (int64_t k = 0; k < out->n; k++) {
        const int64_t *name = names->ids + k * names->n_tokens;
        int64_t *id = out->ids + k * out->n_tokens;
        *id++ = start_id;
        for (int64_t j = 0; j < n_first; j++)
            *id++ = -1 - j;
        for (int64_t i = 0; i <= names->ends[k]; i++) {
            for (int64_t j = n_first; i == name_lengths[k] && j < n_learned; j++)
                *id++ = -1 - j;
            *id++ = name[i];
        }
        out->ends[k] = 1 + n_learned + names->ends[k];
    }
    return OK;
}

int prompt_rows_create(struct token_rows *out, const struct tokenizer *t, char *const *class_names,
                       int64_t n_classes, const struct text_form *form, int64_t context_length)
{
    static const char *const templates[] = {"{}.", "a {}.", "of a {}.", "photo of a {}."};
    const struct row_form after = {templates[form->n_words], .n_around = form->n_before + form->n_after,
                                   .context_length = context_length};
    int status = encode_all(out, t, class_names, n_classes, &after);
    if (status != OK || !text_form_is_whole(form))
        return status;
    struct token_rows names = *out;
    int64_t *lengths = calloc((size_t)n_classes, sizeof *lengths);
    *out = (struct token_rows){0};
    status = lengths ? measure_names(lengths, &names, t, class_names) : error_out_of_memory();
    if (status == OK)
        status = learned_rows_create(out, &names, lengths, form, tokenizer_start(t));
    free(lengths);
    token_rows_free(&names);
    return status;
}

int prompt_start_tokens(struct tokens *out, const struct tokenizer *t)
{
    *out = (struct tokens){0};
    int status = append_id(out, tokenizer_start(t));
    return status == OK ? tokenizer_encode(out, t, PROMPT_WORDS) : status;
}
