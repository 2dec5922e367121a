/* The accuracy of each class as bars. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "html.h"
#include "sections.h"

/* Images of each class, and how many of them are right, over the runs of a group. */
struct counts {
    int64_t *images, *right_first, *right_last; /* [n_classes] in one block, owned by `images` */
};

static int count(struct counts *out, const struct page *p, const struct group *g, size_t list)
{
    const int64_t K = p->lists[list].n_classes;
    out->images = calloc(3 * (size_t)K + 1, sizeof *out->images);
    if (!out->images)
        return error_out_of_memory();
    out->right_first = out->images + K;
    out->right_last = out->right_first + K;
    for (size_t k = 0; k < g->n; k++) {
        const struct predictions *q = &p->runs[g->runs[k]].lists[list].predictions;
        for (int64_t i = 0; i < q->n_images; i++) {
            out->images[q->labels[i]]++;
            out->right_first[q->labels[i]] += predictions_is_right(q, i, 0);
            out->right_last[q->labels[i]] += predictions_is_right(q, i, q->n_iterations);
        }
    }
    return OK;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : (double)NAN;
}

/* A bar of the accuracy at n = N, with a mark at n = 0. */
static void write_bar(struct str *out, size_t group, double first, double last, bool has_first)
{
    str_appendf(out, "<td class=\"bars\" data-v=\"%.4f\"><div class=\"bar\">", isnan(last) ? -1.0 : last);
    if (!isnan(last))
        str_appendf(out, "<i class=\"c%zu\" style=\"width:%.2f%%\"></i>", group % CHART_COLOURS, last);
    if (!isnan(first) && has_first)
        str_appendf(out, "<s style=\"left:%.2f%%\"></s>", first);
    str_append(out, "</div>");
    if (isnan(last))
        str_append(out, "<span>–</span></td>");
    else
        str_appendf(out, "<span>%.1f</span></td>", last);
}

static void write_class(struct str *out, const struct page *p, size_t list, const struct counts *counts,
                        int64_t k)
{
    const char *name = p->lists[list].names[k];
    str_append(out, "<tr");
    html_attribute(out, "data-class", name);
    str_append(out, ">");
    html_element(out, "th scope=\"row\"", name);
    str_appendf(out, "<td class=\"num\">%" PRId64 "</td>", counts[0].images[k] / (int64_t)p->groups[0].n);
    for (size_t i = 0; i < p->n_groups; i++) {
        const struct counts *c = &counts[i];
        const double first = share(c->right_first[k], c->images[k]),
                     last = share(c->right_last[k], c->images[k]);
        write_bar(out, i, first, last, run_iterations(group_first(p, &p->groups[i])) > 0);
    }
    str_append(out, "</tr>\n");
}

static void write_table(struct str *out, const struct page *p, size_t list, const struct counts *counts)
{
    struct str title = {0};
    list_title(&title, &p->lists[list]);
    str_appendf(out, "<details%s><summary>", list == 0 ? " open" : "");
    html_text(out, str_text(&title));
    str_appendf(out,
                " (%" PRId64 ")</summary>\n<div class=\"scroll tall\"><table class=\"sortable classes\">\n"
                "<thead><tr><th scope=\"col\">class</th><th scope=\"col\" class=\"num\">images</th>",
                p->lists[list].n_classes);
    for (size_t i = 0; i < p->n_groups; i++) {
        str_append(out, "<th scope=\"col\">");
        section_group(out, p, i);
        str_append(out, ", %</th>");
    }
    str_append(out, "</tr></thead>\n<tbody>\n");
    for (int64_t k = 0; k < p->lists[list].n_classes; k++)
        write_class(out, p, list, counts, k);
    str_append(out, "</tbody></table></div></details>\n");
    str_free(&title);
}

static int write_list(struct str *out, const struct page *p, size_t list)
{
    struct counts *counts = calloc(p->n_groups, sizeof *counts);
    int status = counts ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < p->n_groups; i++)
        status = count(&counts[i], p, &p->groups[i], list);
    if (status == OK)
        write_table(out, p, list, counts);
    for (size_t i = 0; counts && i < p->n_groups; i++)
        free(counts[i].images);
    free(counts);
    return status;
}

int section_classes(struct str *out, const struct page *p)
{
    int status = OK;
    str_append(
        out, "<section id=\"classes\"><h2>Classes</h2>\n<p>The bar is the accuracy of a class after the last "
             "iteration, over all seeds; the line across it is the accuracy at n = 0.</p>\n"
             "<div class=\"filter\"></div>\n");
    for (size_t i = 0; status == OK && i < p->n_lists; i++)
        status = write_list(out, p, i);
    str_append(out, "</section>\n");
    return status == OK ? str_status(out) : status;
}
