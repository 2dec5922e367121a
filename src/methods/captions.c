/* Class names to token rows. */
#include "prompt/methods/captions.h"

#include <stdlib.h>
#include <string.h>

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
    int64_t *ids = realloc(t->ids, (t->n + 1) * sizeof *ids);
    if (!ids)
        return error_out_of_memory();
    t->ids = ids;
    t->ids[t->n++] = id;
    t->capacity = t->n;
    return OK;
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

int class_rows_create(struct class_rows *out, const struct tokenizer *t, char *const *class_names,
                      int64_t n_classes, const char *template, int64_t n_prefix, int64_t context_length)
{
    *out = (struct class_rows){0};
    int status = encode_all(&out->captions, t, class_names, n_classes, template, true, 0, context_length);
    if (status == OK)
        status = encode_all(&out->names, t, class_names, n_classes, "{}.", false, n_prefix, context_length);
    if (status != OK)
        class_rows_free(out);
    return status;
}

static void text_rows_free(struct text_rows *rows)
{
    free(rows->ids);
    free(rows->ends);
    *rows = (struct text_rows){0};
}

void class_rows_free(struct class_rows *rows)
{
    text_rows_free(&rows->captions);
    text_rows_free(&rows->names);
}

int prompt_start_tokens(struct tokens *out, const struct tokenizer *t)
{
    *out = (struct tokens){0};
    int status = append_id(out, tokenizer_start(t));
    return status == OK ? tokenizer_encode(out, t, "a photo of a") : status;
}
