/* The rows of prompt predict. */
#include "predict_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_print.h"
#include "prompt/base/csv.h"
#include "prompt/base/json_write.h"
#include "prompt/report/metrics.h"
#include "prompt/run/predict.h"

const char *const row_format_names[] = {"table", "csv", "jsonl", NULL};

/* ---------------------------------------------------------------- one row */

struct row {
    const char *path;
    int64_t n, rank;
    const char *name;
    double probability;
    const char *label; /* NULL: none */
};

/* Text for a terminal: a control character would break the table. */
static void append_plain(struct str *out, const char *text)
{
    for (; *text != '\0'; text++)
        str_append_char(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

/* Columns of a text: a byte that continues a character of UTF-8 has none. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void append_padded(struct str *out, const char *text, int width)
{
    append_plain(out, text);
    for (int i = width_of(text); i < width; i++)
        str_append_char(out, ' ');
}

/* Numbers first, the longest text last. */
static void append_table_row(const struct row_writer *w, struct str *out, const struct row *row)
{
    if (w->has_iterations)
        str_appendf(out, "%2" PRId64 "  ", row->n);
    str_appendf(out, "%4" PRId64 "  %11.4f  ", row->rank, row->probability);
    append_padded(out, row->name, w->name_width);
    if (row->label) {
        str_append(out, "  ");
        append_padded(out, row->label, w->name_width);
    }
    str_append(out, "  ");
    append_plain(out, row->path);
}

static void append_csv_row(const struct row_writer *w, struct str *out, const struct row *row)
{
    csv_write_text(out, row->path);
    if (w->has_iterations)
        str_appendf(out, ",%" PRId64, row->n);
    str_appendf(out, ",%" PRId64 ",", row->rank);
    csv_write_text(out, row->name);
    str_appendf(out, ",%.6f", row->probability);
    if (row->label) {
        str_append(out, ",");
        csv_write_text(out, row->label);
    }
}

static void append_json_row(const struct row_writer *w, struct str *out, const struct row *row)
{
    json_open(out, NULL, '{');
    json_put_string(out, "file", row->path);
    if (w->has_iterations)
        json_put_i64(out, "n", row->n);
    json_put_i64(out, "rank", row->rank);
    json_put_string(out, "class", row->name);
    json_put_key(out, "probability");
    str_appendf(out, "%.9g", row->probability);
    if (row->label)
        json_put_string(out, "label", row->label);
    json_close(out, '}');
}

static void append_row(struct row_writer *w, const struct row *row)
{
    struct str *out = &w->rows;
    switch (w->format) {
    case ROW_TABLE:
        append_table_row(w, out, row);
        break;
    case ROW_CSV:
        append_csv_row(w, out, row);
        break;
    case ROW_JSONL:
        append_json_row(w, out, row);
        break;
    }
    str_append(out, "\n");
}

/* ---------------------------------------------------------------- the writer */

static void append_header(struct row_writer *w)
{
    const char *n = w->has_iterations ? " n  " : "", *n_csv = w->has_iterations ? ",n" : "";
    if (w->format == ROW_CSV)
        str_appendf(&w->rows, "file%s,rank,class,probability%s\n", n_csv, w->has_labels ? ",label" : "");
    if (w->format != ROW_TABLE)
        return;
    str_appendf(&w->rows, "%srank  probability  %-*s  ", n, w->name_width, "class");
    if (w->has_labels)
        str_appendf(&w->rows, "%-*s  ", w->name_width, "label");
    str_append(&w->rows, "file\n");
}

int row_writer_open(struct row_writer *w, const char *path)
{
    enum { HEADER_WIDTH = 5, WIDTH_MAX = 40 };
    w->best = calloc((size_t)w->top, sizeof *w->best);
    if (!w->best)
        return error_out_of_memory();
    w->name_width = HEADER_WIDTH;
    for (int64_t k = 0; k < w->n_classes; k++) {
        const int width = width_of(w->names[k]);
        w->name_width = width > w->name_width && width <= WIDTH_MAX ? width : w->name_width;
    }
    append_header(w);
    return path ? atomic_open(&w->file, path) : OK;
}

static int add_iteration(struct row_writer *w, size_t item, int64_t n, const float *logits)
{
    const struct item *picture = &w->items->items[item];
    int status = predict_best(w->best, w->top, logits, w->n_classes);
    for (int64_t i = 0; status == OK && i < w->top; i++) {
        const struct row row = {.path = picture->path,
                                .n = n,
                                .rank = i + 1,
                                .name = w->names[w->best[i]],
                                .probability = metrics_probability(logits, w->n_classes, w->best[i]),
                                .label = w->has_labels ? w->names[picture->label] : NULL};
        append_row(w, &row);
    }
    return status;
}

int row_writer_add(struct row_writer *w, size_t item, const float *logits)
{
    const int64_t first = w->has_iterations ? 0 : w->n_iterations;
    int status = OK;
    for (int64_t n = first; status == OK && n <= w->n_iterations; n++)
        status = add_iteration(w, item, n, logits + n * w->n_classes);
    w->n_labelled += w->has_labels;
    for (int64_t n = 0; w->has_labels && n <= w->n_iterations; n++)
        w->n_correct[n] +=
            metrics_predict(logits + n * w->n_classes, w->n_classes) == w->items->items[item].label;
    return status;
}

int row_writer_flush(struct row_writer *w)
{
    int status = str_status(&w->rows);
    if (status == OK)
        status =
            w->file.stream ? atomic_write(&w->file, str_text(&w->rows), w->rows.len) : cmd_print(&w->rows);
    str_clear(&w->rows);
    return status;
}

int row_writer_commit(struct row_writer *w)
{
    int status = row_writer_flush(w);
    return status == OK && w->file.stream ? atomic_commit(&w->file) : status;
}

void row_writer_close(struct row_writer *w)
{
    atomic_abort(&w->file);
    str_free(&w->rows);
    free(w->best);
    w->best = NULL;
}
