/* Tables of scores as Markdown, CSV and LaTeX. */
#include <math.h>
#include <string.h>

#include "prompt/base/csv.h"
#include "prompt/report/scores.h"
#include "tex.h"

const char *const score_format_names[] = {"markdown", "csv", "latex", NULL};

static size_t n_measures(const struct scores *s)
{
    size_t n = 0;
    while (s->measures[n])
        n++;
    return n;
}

/* A number with two decimals, or `none` for NaN. */
static void append_number(struct str *out, double value, const char *fmt, const char *none)
{
    if (isnan(value))
        str_append(out, none);
    else
        str_appendf(out, strcmp(fmt, "+") == 0 ? "%+.2f" : "%.2f", value);
}

static void append_mean(struct str *out, const struct score *score, const char *plus_minus, const char *none)
{
    append_number(out, score->mean, "", none);
    if (isnan(score->sd))
        return;
    str_append(out, plus_minus);
    append_number(out, score->sd, "", "");
}

static double difference(const struct score *score)
{
    return score->mean - score->paper;
}

/* "3", or "2 of 3" where some are missing; of an average, data sets. */
static void append_count(struct str *out, const struct score_line *line)
{
    if (line->n == line->n_expected)
        str_appendf(out, "%zu", line->n);
    else
        str_appendf(out, "%zu of %zu", line->n, line->n_expected);
    str_append(out, line->is_average ? " data sets" : line->n_expected == 1 ? " seed" : " seeds");
}

/* How a format writes the cells of a line. */
struct cell_style {
    const char *before; /* each cell */
    const char *plus_minus;
    const char *none; /* for NaN */
};

/* Mean and, if there is a paper, its number and the difference for each measure, then over how many. */
static void append_cells(struct str *out, const struct score_line *line, const struct scores *s,
                         const struct cell_style *style)
{
    for (size_t m = 0; m < n_measures(s); m++) {
        const struct score *score = &line->scores[m];
        str_append(out, style->before);
        append_mean(out, score, style->plus_minus, style->none);
        if (!s->experiment->paper)
            continue;
        str_append(out, style->before);
        append_number(out, score->paper, "", style->none);
        str_append(out, style->before);
        append_number(out, difference(score), "+", style->none);
    }
    str_append(out, style->before);
    append_count(out, line);
}

static void append_labels(struct str *out, const struct scores *s, const char *separator)
{
    for (size_t i = 0; i < s->labels.n; i++)
        str_appendf(out, "%s%s", i > 0 ? separator : "", s->labels.items[i]);
}

/* ---------------------------------------------------------------- Markdown */

static void write_markdown(struct str *out, const struct scores *s)
{
    const size_t n = n_measures(s);
    const bool has_paper = s->experiment->paper;
    str_appendf(out, "### %s\n\n", s->experiment->title);
    if (s->labels.n > 0) {
        str_append(out, "**Not the paper's settings: ");
        append_labels(out, s, ", ");
        str_append(out, ".**\n\n");
    }
    str_append(out, "| data set | method |");
    for (size_t m = 0; m < n; m++)
        str_appendf(out, has_paper ? " %s | paper | difference |" : " %s |", s->measures[m]);
    str_append(out, " over |\n| --- | --- |");
    for (size_t m = 0; m < n; m++)
        str_append(out, has_paper ? " --- | --- | --- |" : " --- |");
    str_append(out, " --- |\n");
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct score_line *line = &s->lines[i];
        str_appendf(out, "| %s | %s", line->dataset, line->row->name);
        append_cells(out, line, s, &(struct cell_style){" | ", " ± ", "–"});
        str_append(out, " |\n");
    }
    str_appendf(
        out,
        "\nPercent; mean ± sample standard deviation (n - 1) over seeds; HM of the means. An average is over "
        "the data sets that have all their seeds%s.\n",
        has_paper ? ", the paper's beside it over the same" : "");
    for (size_t i = 0; i < s->notes.n; i++)
        str_appendf(out, "%s- %s\n", i == 0 ? "\n" : "", s->notes.items[i]);
}

/* ---------------------------------------------------------------- CSV */

static void write_csv(struct str *out, const struct scores *s)
{
    const size_t n = n_measures(s);
    struct str label = {0};
    append_labels(&label, s, "; ");
    str_append(out, "data_set,method,series,x,n,n_expected");
    for (size_t m = 0; m < n; m++)
        str_appendf(out, ",%s,%s_sd,%s_paper,%s_difference", s->measures[m], s->measures[m], s->measures[m],
                    s->measures[m]);
    str_append(out, ",other_settings\n");
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct score_line *line = &s->lines[i];
        csv_write_text(out, line->dataset);
        str_append(out, ",");
        csv_write_text(out, line->row->name);
        str_append(out, ",");
        csv_write_text(out, line->row->series);
        str_append(out, ",");
        if (!isnan(line->row->x))
            str_appendf(out, "%g", line->row->x);
        str_appendf(out, ",%zu,%zu", line->n, line->n_expected);
        for (size_t m = 0; m < n; m++) {
            const struct score *score = &line->scores[m];
            const double values[] = {score->mean, score->sd, score->paper, difference(score)};
            for (size_t v = 0; v < 4; v++) {
                str_append(out, ",");
                if (!isnan(values[v]))
                    str_appendf(out, "%.4f", values[v]);
            }
        }
        str_append(out, ",");
        csv_write_text(out, str_text(&label));
        str_append(out, "\n");
    }
    str_free(&label);
}

/* ---------------------------------------------------------------- LaTeX */

/* Below the table, where a reader sees them. */
static void append_tex_notes(struct str *out, const struct scores *s)
{
    for (size_t i = 0; i < s->labels.n; i++) {
        str_append(out, i == 0 ? "\n\\textbf{Not the paper's settings: " : ", ");
        tex_append(out, s->labels.items[i]);
    }
    str_append(out, s->labels.n > 0 ? ".}\n" : "");
    for (size_t i = 0; i < s->notes.n; i++) {
        str_append(out, "\n{\\footnotesize ");
        tex_append(out, s->notes.items[i]);
        str_append(out, "\\par}\n");
    }
}

static void write_latex(struct str *out, const struct scores *s)
{
    const size_t n = n_measures(s);
    const bool has_paper = s->experiment->paper;
    str_appendf(out, "%% %s\n", s->experiment->title);
    str_append(out, "\\begin{tabular}{ll");
    for (size_t m = 0; m < n; m++)
        str_append(out, has_paper ? "rrr" : "r");
    str_append(out, "l}\n\\hline\ndata set & method");
    for (size_t m = 0; m < n; m++)
        str_appendf(out, has_paper ? " & %s & paper & $\\Delta$" : " & %s", s->measures[m]);
    str_append(out, " & over \\\\\n");
    for (size_t i = 0; i < s->n_lines; i++) {
        const struct score_line *line = &s->lines[i];
        if (i == 0 || strcmp(line->dataset, s->lines[i - 1].dataset) != 0)
            str_append(out, "\\hline\n");
        tex_append(out, line->dataset);
        str_append(out, " & ");
        tex_append(out, line->row->name);
        append_cells(out, line, s, &(struct cell_style){" & ", " $\\pm$ ", "--"});
        str_append(out, " \\\\\n");
    }
    str_append(out, "\\hline\n\\end{tabular}\n");
    append_tex_notes(out, s);
}

int scores_write(struct str *out, const struct scores *s, enum score_format format)
{
    switch (format) {
    case SCORE_MARKDOWN:
        write_markdown(out, s);
        break;
    case SCORE_CSV:
        write_csv(out, s);
        break;
    case SCORE_LATEX:
        write_latex(out, s);
        break;
    }
    return str_status(out);
}
