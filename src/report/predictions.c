/* Reading predictions. */
#include "prompt/report/predictions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"
#include "prompt/base/csv.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"

enum column { IMAGE, N, LABEL, PREDICTED, CONFIDENCE, LABEL_CONFIDENCE, PATH, LABEL_NAME, PREDICTED_NAME };

char *predictions_path(const char *dir, const char *dataset, enum class_subset subset)
{
    char *name = str_format("%s/%s-%s.csv", RUN_PREDICTIONS_DIR, dataset, class_subset_names[subset]);
    char *path = name ? path_join(dir, name) : NULL;
    free(name);
    return path;
}

static void free_texts(char **texts, int64_t n)
{
    for (int64_t i = 0; texts && i < n; i++)
        free(texts[i]);
    free(texts);
}

void predictions_free(struct predictions *p)
{
    free_texts(p->paths, p->n_images);
    free_texts(p->names, p->n_classes);
    free(p->items);
    free(p->labels);
    free(p->rows);
    *p = (struct predictions){0};
}

const struct prediction *predictions_get(const struct predictions *p, int64_t i, int64_t n)
{
    return &p->rows[i * (p->n_iterations + 1) + n];
}

bool predictions_is_right(const struct predictions *p, int64_t i, int64_t n)
{
    return predictions_get(p, i, n)->class_idx == p->labels[i];
}

int64_t predictions_n_right(const struct predictions *p, int64_t n)
{
    int64_t n_right = 0;
    for (int64_t i = 0; i < p->n_images; i++)
        n_right += predictions_is_right(p, i, n);
    return n_right;
}

/* ---------------------------------------------------------------- rows */

struct row {
    int64_t image, n, label, predicted;
    double confidence, label_confidence;
};

static int read_index(int64_t *out, const struct csv *csv, enum column column, int64_t end)
{
    if (str_parse_i64(out, csv->cells[column]) == OK && *out >= 0 && *out < end)
        return OK;
    return error_set(ERR_FORMAT,
                     "%s:%zu: column %d: expected a whole number from 0 to %" PRId64 ", found '%s'",
                     csv->path, csv->line, (int)column + 1, end - 1, csv->cells[column]);
}

static int read_probability(double *out, const struct csv *csv, enum column column)
{
    if (str_parse_f64(out, csv->cells[column]) == OK && *out >= 0.0 && *out <= 1.0)
        return OK;
    return error_set(ERR_FORMAT, "%s:%zu: column %d: expected a number from 0 to 1, found '%s'", csv->path,
                     csv->line, (int)column + 1, csv->cells[column]);
}

static int parse_row(struct row *out, const struct csv *csv, int64_t n_classes)
{
    int status = OK;
    if ((status = read_index(&out->image, csv, IMAGE, INT64_MAX)) == OK &&
        (status = read_index(&out->n, csv, N, INT64_MAX)) == OK &&
        (status = read_index(&out->label, csv, LABEL, n_classes)) == OK &&
        (status = read_index(&out->predicted, csv, PREDICTED, n_classes)) == OK &&
        (status = read_probability(&out->confidence, csv, CONFIDENCE)) == OK)
        status = read_probability(&out->label_confidence, csv, LABEL_CONFIDENCE);
    return status;
}

static int add_image(struct predictions *p, const struct csv *csv, const struct row *row)
{
    const size_t n = (size_t)p->n_images;
    int status = OK;
    if ((status = array_grow(&p->items, n, sizeof *p->items)) == OK &&
        (status = array_grow(&p->labels, n, sizeof *p->labels)) == OK &&
        (status = array_grow(&p->paths, n, sizeof *p->paths)) == OK) {
        p->items[n] = row->image;
        p->labels[n] = row->label;
        p->paths[n] = str_dup(csv->cells[PATH]);
        p->n_images += p->paths[n] != NULL;
        status = p->paths[n] ? OK : ERR_MEMORY;
    }
    return status;
}

static int keep_name(struct predictions *p, int64_t class_idx, const char *name)
{
    if (p->names[class_idx])
        return OK;
    p->names[class_idx] = str_dup(name);
    return p->names[class_idx] ? OK : ERR_MEMORY;
}

/* Adds a row; the first image's rows determine N. */
static int add_row(struct predictions *p, const struct csv *csv, size_t *n_rows)
{
    struct row row = {0};
    int status = parse_row(&row, csv, p->n_classes);
    if (status != OK)
        return status;
    if (row.n == 0)
        status = add_image(p, csv, &row);
    else if (p->n_images == 1)
        p->n_iterations = row.n;
    if (status != OK)
        return status;
    const size_t due = (size_t)(p->n_images - 1) * (size_t)(p->n_iterations + 1) + (size_t)row.n;
    if (p->n_images == 0 || *n_rows != due || row.n > p->n_iterations ||
        row.image != p->items[p->n_images - 1])
        return error_set(ERR_FORMAT, "%s:%zu: expected a row for each n = 0, 1, ... of each image", csv->path,
                         csv->line);
    if ((status = array_grow(&p->rows, *n_rows, sizeof *p->rows)) == OK &&
        (status = keep_name(p, row.label, csv->cells[LABEL_NAME])) == OK &&
        (status = keep_name(p, row.predicted, csv->cells[PREDICTED_NAME])) == OK)
        p->rows[(*n_rows)++] = (struct prediction){.class_idx = row.predicted,
                                                   .confidence = row.confidence,
                                                   .label_confidence = row.label_confidence};
    return status;
}

/* ---------------------------------------------------------------- file */

static int read_header(struct csv *csv)
{
    struct str header = {0};
    int status = csv_next(csv);
    for (size_t i = 0; status == OK && i < csv->n; i++)
        str_appendf(&header, "%s%s", i > 0 ? "," : "", csv->cells[i]);
    if (status == OK && (status = str_status(&header)) == OK &&
        strcmp(str_text(&header), PREDICTIONS_HEADER) != 0)
        status = error_set(ERR_FORMAT, "%s: expected the columns %s", csv->path, PREDICTIONS_HEADER);
    str_free(&header);
    csv_expect(csv, "the header");
    return status;
}

static int read_rows(struct predictions *p, struct csv *csv)
{
    size_t n_rows = 0;
    int status = read_header(csv);
    while (status == OK && (status = csv_next(csv)) == OK && csv->n > 0)
        status = add_row(p, csv, &n_rows);
    if (status == OK && (n_rows == 0 || n_rows != (size_t)p->n_images * (size_t)(p->n_iterations + 1)))
        status = error_set(ERR_FORMAT, "%s: the rows of the last image are missing", csv->path);
    for (int64_t k = 0; status == OK && k < p->n_classes; k++)
        status = keep_name(p, k, "");
    return status;
}

int predictions_read(struct predictions *out, const char *path, int64_t n_classes)
{
    struct csv csv = {0};
    *out = (struct predictions){.n_classes = n_classes};
    int status = csv_open(&csv, path);
    if (status == OK) {
        out->names = calloc((size_t)n_classes + 1, sizeof *out->names);
        status = out->names ? read_rows(out, &csv) : error_out_of_memory();
    }
    csv_close(&csv);
    if (status != OK)
        predictions_free(out);
    return status;
}
