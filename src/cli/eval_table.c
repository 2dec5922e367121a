/* The table of prompt eval. */
#include "eval_table.h"

#include <inttypes.h>
#include <math.h>

#include "cmd_print.h"

static void append_header(struct str *out, struct eval_table *table)
{
    if (table->has_header)
        return;
    if (table->has_datasets)
        str_appendf(out, "%-16s ", "data set");
    str_append(out, "classes     K  images");
    for (int64_t n = 0; n <= table->n_iterations; n++)
        str_appendf(out, "     n=%" PRId64, n);
    str_append(out, "\n");
    table->has_header = true;
}

static int print(struct str *row)
{
    int status = cmd_print(row);
    str_free(row);
    return status;
}

static void append_note(struct str *out, const struct eval_row *row)
{
    if (row->n_by_clip == 0)
        return;
    str_append(out, "  CLIP's logits");
    if (row->n_by_clip < row->n_classes)
        str_appendf(out, " of %" PRId64 " classes", row->n_by_clip);
}

int eval_print_row(struct eval_table *table, const struct eval_row *row, const double *accuracy)
{
    struct str line = {0};
    append_header(&line, table);
    if (table->has_datasets)
        str_appendf(&line, "%-16s ", row->dataset);
    if (row->n_images > 0)
        str_appendf(&line, "%-6s %6" PRId64 " %7" PRId64, row->name, row->n_classes, row->n_images);
    else
        str_appendf(&line, "%-21s", row->name);
    for (int64_t n = 0; n <= table->n_iterations; n++)
        str_appendf(&line, " %7.2f", 100.0 * accuracy[n]);
    append_note(&line, row);
    str_append(&line, "\n");
    return print(&line);
}

int eval_print_without(struct eval_table *table, const char *dataset, const char *reason)
{
    struct str row = {0};
    append_header(&row, table);
    str_appendf(&row, "%-16s %s\n", dataset, reason);
    return print(&row);
}

int eval_print_failed(struct eval_table *table, const char *dataset, const char *name)
{
    struct str row = {0};
    append_header(&row, table);
    if (table->has_datasets)
        str_appendf(&row, "%-16s ", dataset);
    str_appendf(&row, "%-6s failed\n", name);
    return print(&row);
}

int eval_print_classes(const struct class_list *classes, const struct metrics *m)
{
    struct str rows = {0};
    str_appendf(&rows, "  macro-F1 %.2f\n", 100.0 * metrics_macro_f1(m));
    for (int64_t k = 0; k < classes->n; k++) {
        const double accuracy = metrics_class_accuracy(m, k);
        if (isnan(accuracy)) /* a class without images */
            str_appendf(&rows, "     n/a  %s\n", classes->names[k]);
        else
            str_appendf(&rows, "  %6.2f  %s\n", 100.0 * accuracy, classes->names[k]);
    }
    int status = cmd_print(&rows);
    str_free(&rows);
    return status;
}
