/* Differences between the rows of a table, paired by data set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/csv.h"
#include "prompt/report/interval.h"
#include "prompt/report/scores.h"
#include "tex.h"

static const struct experiment_row *find_row(const struct scores *s, const char *name)
{
    for (size_t r = 0; r < s->experiment->n_rows; r++)
        if (strcmp(s->experiment->rows[r].name, name) == 0)
            return &s->experiment->rows[r];
    struct str names = {0};
    for (size_t r = 0; r < s->experiment->n_rows; r++)
        str_appendf(&names, "%s%s", r > 0 ? ", " : "", s->experiment->rows[r].name);
    error_set(ERR_USAGE, "%s has no row '%s' among those shown: %s", s->experiment->name, name,
              str_text(&names));
    str_free(&names);
    return NULL;
}

/* The line of a row on a data set; NULL if it lacks a seed. */
static const struct score_line *find_line(const struct scores *s, const struct experiment_row *row,
                                          const char *dataset)
{
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct score_line *line = &s->lines[i];
        if (line->row == row && score_line_is_whole(line) && strcmp(line->dataset_name, dataset) == 0)
            return line;
    }
    return NULL;
}

/* The differences of a row in one measure; `room` is [n_lines]. */
static struct interval compare(double *room, const struct scores *s, const struct experiment_row *row,
                               const struct experiment_row *against, size_t measure)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct score_line *line = &s->lines[i];
        if (line->row != row || !score_line_is_whole(line))
            continue;
        const struct score_line *other = find_line(s, against, line->dataset_name);
        if (other)
            room[n++] = line->scores[measure].mean - other->scores[measure].mean;
    }
    return interval_student(room, n);
}

/* ---------------------------------------------------------------- formats */

/* The pieces of a format's lines; numbers of CSV are in columns of their own, an interval's half too. */
struct style {
    const char *before_line, *between, *after_line;
    const char *plus_minus;
    int n_decimals;
    void (*append_name)(struct str *out, const char *text);
};

static void append_plain(struct str *out, const char *text)
{
    str_append(out, text);
}

static const struct style styles[] = {
    [SCORE_MARKDOWN] = {"| ", " | ", " |\n", " ± ", 2, append_plain},
    [SCORE_CSV] = {"", ",", "\n", ",", 4, csv_write_text},
    [SCORE_LATEX] = {"", " & ", " \\\\\n", " $\\pm$ ", 2, tex_append},
};

static void append_interval(struct str *out, const struct interval *v, const struct style *style, bool is_csv)
{
    str_append(out, style->between);
    if (v->n > 0)
        str_appendf(out, "%+.*f", style->n_decimals, v->mean);
    if (v->n > 1 || is_csv)
        str_append(out, style->plus_minus);
    if (v->n > 1)
        str_appendf(out, "%.*f", style->n_decimals, (v->high - v->low) / 2.0);
}

static void append_row(struct str *out, double *room, const struct scores *s,
                       const struct experiment_row *row, const struct experiment_row *against,
                       enum score_format format)
{
    const struct style *style = &styles[format];
    str_append(out, style->before_line);
    style->append_name(out, row->name);
    for (size_t m = 0; s->measures[m]; m++) {
        const struct interval v = compare(room, s, row, against, m);
        if (m == 0)
            str_appendf(out, "%s%zu", style->between, v.n);
        append_interval(out, &v, style, format == SCORE_CSV);
    }
    str_append(out, style->after_line);
}

static void append_times(struct str *out, const struct scores *s, const char *text)
{
    for (size_t m = 0; s->measures[m]; m++)
        str_append(out, text);
}

static void append_head(struct str *out, const struct scores *s, const char *against,
                        enum score_format format)
{
    const char *title = s->experiment->title;
    switch (format) {
    case SCORE_MARKDOWN:
        str_appendf(out, "### %s: differences from %s\n\n| method | data sets", title, against);
        for (size_t m = 0; s->measures[m]; m++)
            str_appendf(out, " | %s", s->measures[m]);
        str_append(out, " |\n| --- | ---");
        append_times(out, s, " | ---");
        str_append(out, " |\n");
        break;
    case SCORE_CSV:
        str_append(out, "method,data_sets");
        for (size_t m = 0; s->measures[m]; m++)
            str_appendf(out, ",%s,%s_half", s->measures[m], s->measures[m]);
        str_append(out, "\n");
        break;
    case SCORE_LATEX:
        str_appendf(out, "%% %s: differences from %s\n\\begin{tabular}{lr", title, against);
        append_times(out, s, "r");
        str_append(out, "}\n\\hline\nmethod & data sets");
        for (size_t m = 0; s->measures[m]; m++)
            str_appendf(out, " & %s", s->measures[m]);
        str_append(out, " \\\\\n\\hline\n");
        break;
    }
}

static void append_foot(struct str *out, enum score_format format)
{
    if (format == SCORE_MARKDOWN)
        str_append(
            out, "\nPoints, over the data sets that both rows have with all seeds: mean of the differences ± "
                 "half of Student's 95 % interval. HM is that of each data set.\n");
    else if (format == SCORE_LATEX)
        str_append(out, "\\hline\n\\end{tabular}\n");
}

int score_differences_write(struct str *out, const struct scores *s, const char *against,
                            enum score_format format)
{
    const struct experiment_row *other = find_row(s, against);
    if (!other)
        return ERR_USAGE;
    double *room = calloc(s->n_lines + 1, sizeof *room);
    if (!room)
        return error_out_of_memory();
    append_head(out, s, other->name, format);
    for (size_t r = 0; r < s->experiment->n_rows; r++)
        if (&s->experiment->rows[r] != other)
            append_row(out, room, s, &s->experiment->rows[r], other, format);
    append_foot(out, format);
    free(room);
    return str_status(out);
}
