/* Accuracy over the iterations n, and of each run. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "html.h"
#include "sections.h"

/* ---------------------------------------------------------------- over n */

/* The values of a group at n = 0..N, for a chart. */
struct curve {
    double x[METHOD_MAX_ITERATIONS + 1], y[METHOD_MAX_ITERATIONS + 1];
};

static int write_chart(struct str *out, const struct page *p, size_t list)
{
    struct curve *curves = calloc(p->n_groups, sizeof *curves);
    struct chart_series *series = calloc(p->n_groups, sizeof *series);
    struct str title = {0};
    int status = curves && series ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < p->n_groups; i++) {
        const int64_t N = run_iterations(group_first(p, &p->groups[i]));
        for (int64_t n = 0; n <= N; n++) {
            curves[i].x[n] = (double)n;
            curves[i].y[n] = group_accuracy(NULL, p, &p->groups[i], list, n);
        }
        series[i] = (struct chart_series){
            .name = p->groups[i].name, .x = curves[i].x, .y = curves[i].y, .n = (size_t)N + 1};
    }
    str_append(&title, "Accuracy over n: ");
    list_title(&title, &p->lists[list]);
    if (status == OK)
        chart_write(out, &(struct chart){.title = str_text(&title),
                                         .x_label = "iteration n",
                                         .y_label = "accuracy, %",
                                         .series = series,
                                         .n_series = p->n_groups,
                                         .has_points = true,
                                         .has_whole_x = true});
    str_free(&title);
    free(series);
    free(curves);
    return status;
}

static void write_iterations(struct str *out, const struct page *p, size_t group)
{
    const struct group *g = &p->groups[group];
    size_t base = 0, new_ = 0;
    for (int64_t n = 0; n <= run_iterations(group_first(p, g)); n++) {
        str_append(out, "<tr><th scope=\"row\" class=\"method\">");
        section_group(out, p, group);
        str_appendf(out, "</th><td class=\"num\">%" PRId64 "</td>", n);
        for (size_t i = 0; i < p->n_lists; i++) {
            str_append(out, "<td class=\"num\">");
            html_percent(out, group_accuracy(NULL, p, g, i, n));
            str_append(out, "</td>");
        }
        if (page_halves(&base, &new_, p)) {
            str_append(out, "<td class=\"num\">");
            html_percent(out, group_hm(NULL, p, g, n));
            str_append(out, "</td>");
        }
        str_append(out, "</tr>\n");
    }
}

static void write_list_heads(struct str *out, const struct page *p)
{
    size_t base = 0, new_ = 0;
    for (size_t i = 0; i < p->n_lists; i++) {
        struct str title = {0};
        list_column(&title, p, i);
        html_element(out, "th scope=\"col\" class=\"num\"", str_text(&title));
        str_free(&title);
    }
    if (page_halves(&base, &new_, p))
        str_append(out, "<th scope=\"col\" class=\"num\">HM</th>");
}

static void write_table(struct str *out, const struct page *p)
{
    str_append(
        out, "<div class=\"scroll\"><table class=\"sortable\" id=\"iterations\">\n"
             "<caption>Percent after each iteration, mean over seeds; n = 0 is CLIP with the template of the "
             "training.</caption>\n<thead><tr><th scope=\"col\">method</th>"
             "<th scope=\"col\" class=\"num\">n</th>");
    write_list_heads(out, p);
    str_append(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < p->n_groups; i++)
        write_iterations(out, p, i);
    str_append(out, "</tbody></table></div>\n");
}

/* ---------------------------------------------------------------- runs */

static void write_run(struct str *out, const struct page *p, size_t group, size_t run)
{
    const struct run *r = &p->runs[run];
    size_t base = 0, new_ = 0;
    str_append(out, "<tr><th scope=\"row\" class=\"method\">");
    section_group(out, p, group);
    str_append(out, "</th><td>");
    html_element(out, "code", r->dir);
    str_appendf(out, "</td><td class=\"num\">%" PRId64 "</td>", r->config->seed);
    for (size_t i = 0; i < p->n_lists; i++)
        str_appendf(out, "<td class=\"num\">%.2f</td>", run_accuracy(p, run, i, run_iterations(r)));
    if (page_halves(&base, &new_, p))
        str_appendf(out, "<td class=\"num\">%.2f</td>", run_hm(p, run, -1));
    if (r->is_trained)
        str_appendf(out, "<td class=\"num\">%" PRId64 " of %" PRId64 "</td></tr>\n", r->progress.step,
                    r->progress.n_steps);
    else
        str_append(out, "<td class=\"num\">–</td></tr>\n");
}

static void write_runs(struct str *out, const struct page *p)
{
    str_append(out, "<details><summary>Every run</summary>\n<div class=\"scroll\"><table class=\"sortable\" "
                    "id=\"runs\">\n"
                    "<thead><tr><th scope=\"col\">method</th><th scope=\"col\">folder</th>"
                    "<th scope=\"col\" class=\"num\">seed</th>");
    write_list_heads(out, p);
    str_append(out, "<th scope=\"col\" class=\"num\">steps</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < p->n_groups; i++)
        for (size_t k = 0; k < p->groups[i].n; k++)
            write_run(out, p, i, p->groups[i].runs[k]);
    str_append(out, "</tbody></table></div></details>\n");
}

int section_accuracy(struct str *out, const struct page *p)
{
    int status = OK;
    str_append(out,
               "<section id=\"accuracy\"><h2>Accuracy over the iterations</h2>\n<div class=\"charts\">\n");
    for (size_t i = 0; status == OK && i < p->n_lists; i++)
        status = write_chart(out, p, i);
    str_append(out, "</div>\n");
    write_table(out, p);
    write_runs(out, p);
    str_append(out, "</section>\n");
    return status == OK ? str_status(out) : status;
}
