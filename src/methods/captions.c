/* Class names to token rows. */
#include "prompt/methods/captions.h"

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

/* The rows of all classes, of lengths that are known only when all are tokenized. */
struct row_list {
    struct tokens *rows;
    int64_t n;
};

static int row_list_init(struct row_list *list, int64_t n)
{
    *list = (struct row_list){.rows = calloc((size_t)n, sizeof(struct tokens)), .n = n};
    return list->rows ? OK : error_out_of_memory();
}

static void row_list_free(struct row_list *list)
{
    for (int64_t i = 0; list->rows && i < list->n; i++)
        tokens_free(&list->rows[i]);
    free(list->rows);
}

static int append_id(struct tokens *t, int64_t id)
{
    int status = array_grow(&t->ids, t->n, sizeof *t->ids);
    if (status == OK)
        t->ids[t->n++] = id;
    return status;
}

/* Rows of equal length, padded with 0 (never read: attention is causal). */
static int pad_rows(struct text_rows *out, const struct row_list *list)
{
    *out = (struct text_rows){.n = list->n};
    for (int64_t i = 0; i < list->n; i++)
        if ((int64_t)list->rows[i].n > out->n_tokens)
            out->n_tokens = (int64_t)list->rows[i].n;
    out->ids = calloc((size_t)(out->n * out->n_tokens), sizeof *out->ids);
    out->ends = calloc((size_t)out->n, sizeof *out->ends);
    if (!out->ids || !out->ends)
        return error_out_of_memory();
    for (int64_t i = 0; i < list->n; i++) {
        memcpy(out->ids + i * out->n_tokens, list->rows[i].ids, list->rows[i].n * sizeof *out->ids);
        out->ends[i] = (int64_t)list->rows[i].n - 1;
    }
    return OK;
}

/* One row: [start,] tokens of the text, end; an error if it does not fit behind n_prefix positions. */
static int encode_row(struct tokens *out, const struct tokenizer *t, const char *text, bool starts,
                      int64_t n_prefix, int64_t context_length, const char *class_name)
{
    int status = starts ? append_id(out, tokenizer_start(t)) : OK;
    if (status == OK)
        status = tokenizer_encode(out, t, text);
    if (status != OK)
        return error_context("class '%s'", class_name);
    status = append_id(out, tokenizer_end(t));
    if (status == OK && n_prefix + (int64_t)out->n > context_length)
        status = error_set(ERR_USAGE,
                           "class '%.200s%s': the text takes %lld tokens, but the model reads at most %lld",
                           class_name, strlen(class_name) > 200 ? "..." : "",
                           (long long)(n_prefix + (int64_t)out->n), (long long)context_length);
    return status;
}

static int encode_all(struct text_rows *out, const struct tokenizer *t, char *const *class_names,
                      int64_t n_classes, const char *template, bool starts, int64_t n_prefix,
                      int64_t context_length)
{
    struct row_list list;
    int status = row_list_init(&list, n_classes);
    for (int64_t i = 0; status == OK && i < n_classes; i++) {
        char *text = class_caption(template, class_names[i]);
        status = text ? encode_row(&list.rows[i], t, text, starts, n_prefix, context_length, class_names[i])
                      : ERR_MEMORY;
        free(text);
    }
    if (status == OK)
        status = pad_rows(out, &list);
    row_list_free(&list);
    return status;
}

/* Tokens of each name alone. "{class}." has as many and its end, unless the dot joins the last one. */
static int measure_names(struct class_rows *out, const struct tokenizer *t, char *const *class_names)
{
    const int64_t K = out->names.n;
    out->name_lengths = calloc((size_t)K, sizeof *out->name_lengths);
    int status = out->name_lengths ? OK : error_out_of_memory();
    for (int64_t k = 0; status == OK && k < K; k++) {
        struct tokens tokens = {0};
        char *name = class_caption("{}", class_names[k]);
        status = name ? tokenizer_encode(&tokens, t, name) : ERR_MEMORY;
        const int64_t n = (int64_t)tokens.n, end = out->names.ends[k];
        out->name_lengths[k] = n < end ? n : end;
        tokens_free(&tokens);
        free(name);
    }
    return status;
}

int class_rows_create(struct class_rows *out, const struct tokenizer *t, char *const *class_names,
                      int64_t n_classes, const char *const *templates, size_t n_templates,
                      const struct text_form *form, int64_t context_length)
{
    *out = (struct class_rows){.captions = calloc(n_templates, sizeof *out->captions)};
    int status = out->captions ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < n_templates; i++) {
        out->n_templates++;
        status =
            encode_all(&out->captions[i], t, class_names, n_classes, templates[i], true, 0, context_length);
    }
    if (status == OK && (status = encode_all(&out->names, t, class_names, n_classes, "{}.", false,
                                             form->n_before + form->n_after, context_length)) == OK)
        status = measure_names(out, t, class_names);
    if (status != OK)
        class_rows_free(out);
    return status;
}

bool text_form_is_whole(const struct text_form *f)
{
    return f->per_class || f->n_after > 0;
}

int class_rows_fill(struct text_rows *out, const struct class_rows *rows, const struct text_form *form)
{
    const struct text_rows *names = &rows->names;
    const int64_t n_first = form->n_before - 1, n_places = n_first + form->n_after;
    *out =
        (struct text_rows){.n = names->n, .n_tokens = 1 + n_places + names->n_tokens, .n_places = n_places};
    out->ids = calloc((size_t)(out->n * out->n_tokens), sizeof *out->ids);
    out->ends = calloc((size_t)out->n, sizeof *out->ends);
    if (!out->ids || !out->ends)
        return error_out_of_memory();
    for (int64_t k = 0; k < out->n; k++) {
        const int64_t *name = names->ids + k * names->n_tokens;
        int64_t *id = out->ids + k * out->n_tokens;
        *id++ = rows->captions[0].ids[0];
        for (int64_t j = 0; j < n_first; j++)
            *id++ = -1 - j;
        for (int64_t i = 0; i <= names->ends[k]; i++) {
            for (int64_t j = n_first; i == rows->name_lengths[k] && j < n_places; j++)
                *id++ = -1 - j;
            *id++ = name[i];
        }
        out->ends[k] = 1 + n_places + names->ends[k];
    }
    return OK;
}

void text_rows_free(struct text_rows *rows)
{
    free(rows->ids);
    free(rows->ends);
    *rows = (struct text_rows){0};
}

void class_rows_free(struct class_rows *rows)
{
    for (int64_t i = 0; i < rows->n_templates; i++)
        text_rows_free(&rows->captions[i]);
    free(rows->captions);
    text_rows_free(&rows->names);
    free(rows->name_lengths);
    *rows = (struct class_rows){0};
}

int prompt_start_tokens(struct tokens *out, const struct tokenizer *t)
{
    *out = (struct tokens){0};
    int status = append_id(out, tokenizer_start(t));
    return status == OK ? tokenizer_encode(out, t, "a photo of a") : status;
}
