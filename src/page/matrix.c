/* A confusion matrix as inline SVG. */
#include "matrix.h"

#include <inttypes.h>
#include <string.h>

#include "html.h"

enum {
    NAMED_MAX = 40,   /* classes with names */
    COUNTED_MAX = 16, /* with counts */
    TITLED_MAX = 60,  /* with a text for each cell; else a path for each level */
    NAME_BYTES = 22,
    LEVELS = 10,
};

struct layout {
    double cell, left, top;
    int64_t n;
};

static int64_t row_sum(const int64_t *counts, int64_t n, int64_t row)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += counts[row * n + k];
    return sum;
}

/* At most NAME_BYTES of a name, in whole characters. */
static void write_name(struct str *out, const char *name)
{
    struct str shortened = {0};
    size_t n = strlen(name), used = 0;
    while (used < n && used < NAME_BYTES) {
        const size_t length = utf8_sequence(name + used, n - used);
        used += length > 0 ? length : 1;
    }
    str_append_n(&shortened, name, used);
    if (used < n)
        str_append(&shortened, "…");
    html_text(out, str_text(&shortened));
    out->failed = out->failed || shortened.failed;
    str_free(&shortened);
}

static void write_names(struct str *out, const struct layout *l, char *const *names)
{
    for (int64_t k = 0; k < l->n && l->n <= NAMED_MAX; k++) {
        const double middle = ((double)k + 0.5) * l->cell;
        str_appendf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", l->left - 5,
                    l->top + middle + 4);
        write_name(out, names[k]);
        str_appendf(out, "</text><text transform=\"translate(%.1f %.1f) rotate(-60)\">", l->left + middle + 4,
                    l->top - 5);
        write_name(out, names[k]);
        str_append(out, "</text>");
    }
}

static void write_cell(struct str *out, const struct layout *l, const int64_t *counts, char *const *names,
                       int64_t row, int64_t column)
{
    const int64_t count = counts[row * l->n + column];
    const int64_t sum = row_sum(counts, l->n, row);
    const double share = (double)count / (double)sum;
    const double x = l->left + (double)column * l->cell, y = l->top + (double)row * l->cell;
    str_appendf(out,
                "<rect class=\"%s\" fill-opacity=\"%.3f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                "height=\"%.1f\"><title>",
                row == column ? "hit" : "miss", 0.12 + 0.88 * share, x, y, l->cell - 1, l->cell - 1);
    html_text(out, names[row]);
    str_append(out, " → ");
    html_text(out, names[column]);
    str_appendf(out, ": %" PRId64 " of %" PRId64 "</title></rect>", count, sum);
    if (l->n <= COUNTED_MAX)
        str_appendf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%" PRId64 "</text>",
                    share > 0.5 ? "on" : "off", x + l->cell / 2, y + l->cell / 2 + 4, count);
}

/* Small cells of one level are one path. */
static void write_level(struct str *out, const struct layout *l, const int64_t *counts, int level,
                        bool is_diagonal)
{
    bool is_open = false;
    for (int64_t row = 0; row < l->n; row++) {
        const int64_t sum = row_sum(counts, l->n, row);
        for (int64_t column = 0; column < l->n; column++) {
            const int64_t count = counts[row * l->n + column];
            if (count == 0 || (row == column) != is_diagonal || (count * LEVELS - 1) / sum != level)
                continue;
            if (!is_open)
                str_appendf(out, "<path class=\"%s\" fill-opacity=\"%.2f\" d=\"",
                            is_diagonal ? "hit" : "miss", 0.2 + 0.8 * (level + 1) / LEVELS);
            is_open = true;
            str_appendf(out, "M%.2f %.2fh%.2fv%.2fh-%.2fz", l->left + (double)column * l->cell,
                        l->top + (double)row * l->cell, l->cell, l->cell, l->cell);
        }
    }
    str_append(out, is_open ? "\"/>" : "");
}

void matrix_write(struct str *out, const int64_t *counts, char *const *names, int64_t n, const char *alt)
{
    const bool is_named = n <= NAMED_MAX;
    const double cell = n <= COUNTED_MAX ? 26.0 : is_named ? 16.0 : 560.0 / (double)n;
    const struct layout l = {.cell = cell, .left = is_named ? 170 : 20, .top = is_named ? 150 : 20, .n = n};
    const double width = l.left + (double)n * cell + (is_named ? 90 : 4),
                 height = l.top + (double)n * cell + 4;
    str_appendf(out, "<svg class=\"matrix\" role=\"img\" style=\"width:%.0fpx\" viewBox=\"0 0 %.0f %.0f\"",
                width, width, height);
    html_attribute(out, "aria-label", alt);
    str_appendf(out, "><rect class=\"ground\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", l.left,
                l.top, (double)n * cell - 1, (double)n * cell - 1);
    write_names(out, &l, names);
    for (int64_t i = 0; i < n * n && n <= TITLED_MAX; i++)
        if (counts[i] > 0)
            write_cell(out, &l, counts, names, i / n, i % n);
    for (int level = 0; level < 2 * LEVELS && n > TITLED_MAX; level++)
        write_level(out, &l, counts, level / 2, level % 2 == 0);
    str_append(out, "</svg>\n");
}
