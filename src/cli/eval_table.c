/* The table of prompt eval. */
#include "eval_table.h"

#include <inttypes.h>
#include <math.h>

#include "cmd.h"

int eval_print_row(struct eval_table *table, const char *name, int64_t n_images, int64_t n_classes,
                   const double *accuracy)
{
    const int64_t N = table->n_iterations;
    struct str row = {0};
    if (!table->has_header) {
        str_append(&row, "classes     K  images");
        for (int64_t n = 0; n <= N; n++)
            str_appendf(&row, "     n=%" PRId64, n);
        str_append(&row, "\n");
        table->has_header = true;
    }
    if (n_images > 0)
        str_appendf(&row, "%-6s %6" PRId64 " %7" PRId64, name, n_classes, n_images);
    else
        str_appendf(&row, "%-21s", name);
    for (int64_t n = 0; n <= N; n++)
        str_appendf(&row, " %7.2f", 100.0 * accuracy[n]);
    str_append(&row, "\n");
    int status = cmd_print(&row);
    str_free(&row);
    return status;
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
