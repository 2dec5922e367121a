/* Paired differences with intervals. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "prompt/report/interval.h"
#include "sections.h"

/* A group at one n: -1 is the last. */
struct side {
    const struct group *group;
    int64_t n;
};

/* Differences b - a on one list, in points. */
struct difference {
    struct interval pictures, seeds;
};

static int64_t at(const struct run *r, int64_t n)
{
    return n < 0 ? run_iterations(r) : n;
}

/* ---------------------------------------------------------------- over pictures */

/* Adds 1/runs for each run that is right, by index of the image; counts the runs that have the image. */
static void add_rights(double *sums, size_t *counts, const struct page *p, struct side s, size_t list,
                       double weight)
{
    for (size_t k = 0; k < s.group->n; k++) {
        const struct run *r = &p->runs[s.group->runs[k]];
        const struct predictions *q = &r->lists[list].predictions;
        for (int64_t i = 0; i < q->n_images; i++) {
            sums[q->items[i]] += weight * predictions_is_right(q, i, at(r, s.n)) / (double)s.group->n;
            counts[q->items[i]]++;
        }
    }
}

static size_t n_items(const struct page *p, size_t list)
{
    int64_t last = 0;
    for (size_t k = 0; k < p->n_runs; k++) {
        const struct predictions *q = &p->runs[k].lists[list].predictions;
        for (int64_t i = 0; i < q->n_images; i++)
            last = q->items[i] > last ? q->items[i] : last;
    }
    return (size_t)last + 1;
}

/* Images that every run has; skipped ones are left out. */
static int over_pictures(struct interval *out, const struct page *p, struct side a, struct side b,
                         size_t list)
{
    const size_t n = n_items(p, list);
    double *d = calloc(n, sizeof *d);
    size_t *counts = calloc(n, sizeof *counts);
    size_t n_paired = 0;
    int status = d && counts ? OK : error_out_of_memory();
    if (status == OK) {
        add_rights(d, counts, p, a, list, -100.0);
        add_rights(d, counts, p, b, list, 100.0);
        for (size_t i = 0; i < n; i++)
            if (counts[i] == a.group->n + b.group->n)
                d[n_paired++] = d[i];
        *out = interval_normal(d, n_paired);
    }
    free(counts);
    free(d);
    return status;
}

/* ---------------------------------------------------------------- over seeds */

/* The run of side `s` with the seed of run `like`; where nothing is trained, its only run. */
static const size_t *same_seed(const struct page *p, struct side s, size_t like)
{
    for (size_t k = 0; k < s.group->n; k++)
        if (!p->runs[s.group->runs[k]].is_trained ||
            p->runs[s.group->runs[k]].config->seed == p->runs[like].config->seed)
            return &s.group->runs[k];
    return NULL;
}

static int over_seeds(struct interval *out, const struct page *p, struct side a, struct side b, size_t list)
{
    double *d = calloc(b.group->n, sizeof *d);
    size_t n = 0;
    if (!d)
        return error_out_of_memory();
    for (size_t k = 0; k < b.group->n; k++) {
        const size_t run = b.group->runs[k];
        const size_t *other = same_seed(p, a, run);
        if (other)
            d[n++] = run_accuracy(p, run, list, at(&p->runs[run], b.n)) -
                     run_accuracy(p, *other, list, at(&p->runs[*other], a.n));
    }
    *out = interval_student(d, n);
    free(d);
    return OK;
}

/* ---------------------------------------------------------------- the table */

enum { PLOT_WIDTH = 180, PLOT_HEIGHT = 22 };

static double place(double value, double reach)
{
    const double x = PLOT_WIDTH / 2.0 * (1.0 + value / reach);
    return fmin(fmax(x, 2.0), PLOT_WIDTH - 2.0);
}

/* The interval over pictures as a line around its mean, on a scale that all rows share. */
static void write_plot(struct str *out, const struct interval *v, double reach)
{
    str_appendf(out,
                "<td><svg class=\"interval\" aria-hidden=\"true\" viewBox=\"0 0 %d %d\"><path class=\"axis\" "
                "d=\"M%d 0V%d\"/>",
                PLOT_WIDTH, PLOT_HEIGHT, PLOT_WIDTH / 2, PLOT_HEIGHT);
    if (!isnan(v->low))
        str_appendf(out, "<path class=\"line c0\" d=\"M%.1f 11H%.1f\"/>", place(v->low, reach),
                    place(v->high, reach));
    str_appendf(out, "<circle class=\"dot c0\" cx=\"%.1f\" cy=\"11\" r=\"4\"/></svg></td>",
                place(v->mean, reach));
}

static void write_interval(struct str *out, const struct interval *v, const char *what)
{
    if (isnan(v->low))
        str_appendf(out, "<td class=\"num\">– <small>%zu %s</small></td>", v->n, what);
    else
        str_appendf(out, "<td class=\"num\">%+.2f to %+.2f <small>%zu %s</small></td>", v->low, v->high, v->n,
                    what);
}

/* One row of the table, before the scale of the plots is known. */
struct row {
    struct str name;
    size_t list;
    struct difference difference;
};

struct rows {
    struct row *items; /* [n], owned */
    size_t n;
};

static int add_rows(struct rows *rows, const struct page *p, struct side a, struct side b, const char *name)
{
    int status = OK;
    for (size_t list = 0; status == OK && list < p->n_lists; list++) {
        struct row *row = &rows->items[rows->n++];
        *row = (struct row){.list = list};
        str_append(&row->name, name);
        if ((status = str_status(&row->name)) == OK &&
            (status = over_pictures(&row->difference.pictures, p, a, b, list)) == OK)
            status = over_seeds(&row->difference.seeds, p, a, b, list);
    }
    return status;
}

/* Each group against the first, and its last iteration against n = 0. */
static int make_rows(struct rows *rows, const struct page *p)
{
    rows->items = calloc(2 * p->n_groups * p->n_lists + 1, sizeof *rows->items);
    int status = rows->items ? OK : error_out_of_memory();
    for (size_t i = 1; status == OK && i < p->n_groups; i++) {
        struct str name = {0};
        str_appendf(&name, "%s − %s", p->groups[i].name, p->groups[0].name);
        status = add_rows(rows, p, (struct side){&p->groups[0], -1}, (struct side){&p->groups[i], -1},
                          str_text(&name));
        str_free(&name);
    }
    for (size_t i = 0; status == OK && i < p->n_groups; i++) {
        const int64_t N = run_iterations(group_first(p, &p->groups[i]));
        struct str name = {0};
        str_appendf(&name, "%s, n = %" PRId64 " − n = 0", p->groups[i].name, N);
        if (N > 0)
            status = add_rows(rows, p, (struct side){&p->groups[i], 0}, (struct side){&p->groups[i], -1},
                              str_text(&name));
        str_free(&name);
    }
    return status;
}

static void write_rows(struct str *out, const struct page *p, const struct rows *rows)
{
    double reach = 1.0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct interval *v = &rows->items[i].difference.pictures;
        reach = fmax(reach, fmax(fabs(v->mean), isnan(v->low) ? 0.0 : fmax(fabs(v->low), fabs(v->high))));
    }
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *row = &rows->items[i];
        struct str title = {0};
        list_column(&title, p, row->list);
        str_append(out, "<tr>");
        html_element(out, "th scope=\"row\"", str_text(&row->name));
        html_element(out, "td", str_text(&title));
        str_appendf(out, "<td class=\"num\"><b>%+.2f</b></td>", row->difference.pictures.mean);
        write_plot(out, &row->difference.pictures, reach);
        write_interval(out, &row->difference.pictures, "pictures");
        write_interval(out, &row->difference.seeds, plural(row->difference.seeds.n, "seed", "seeds"));
        str_append(out, "</tr>\n");
        str_free(&title);
    }
}

int section_differences(struct str *out, const struct page *p)
{
    struct rows rows = {0};
    int status = make_rows(&rows, p);
    if (status == OK && rows.n > 0) {
        str_append(
            out,
            "<section id=\"differences\"><h2>Differences</h2>\n"
            "<div class=\"scroll\"><table class=\"sortable\">\n<caption>Points, with 95 % intervals. Over "
            "pictures: mean ± 1.96 s / √n of each picture’s difference (right 1, wrong 0, averaged over "
            "seeds), which is the uncertainty of the test images. Over seeds: mean ± t s / √n of each "
            "seed’s difference, Student’s t with n − 1 degrees of freedom, which is the uncertainty of "
            "training. s is the sample standard deviation (n − 1).</caption>\n"
            "<thead><tr><th scope=\"col\">difference</th><th scope=\"col\">images</th>"
            "<th scope=\"col\" class=\"num\">points</th><th scope=\"col\"><span class=\"quiet\">interval "
            "over pictures</span></th><th scope=\"col\" class=\"num\">over pictures</th>"
            "<th scope=\"col\" class=\"num\">over seeds</th></tr></thead>\n<tbody>\n");
        write_rows(out, p, &rows);
        str_append(out, "</tbody></table></div></section>\n");
    }
    for (size_t i = 0; i < rows.n; i++)
        str_free(&rows.items[i].name);
    free(rows.items);
    return status == OK ? str_status(out) : status;
}
