/* Pictures that the iterations correct, and those that they spoil (the paper's Figures 1, 6 and 7). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "chart.h"
#include "html.h"
#include "sections.h"

enum { N_SHOWN = 12 };

/* A picture and how much the confidence in its true class changes from n = 0 to n = N. */
struct change {
    int64_t image;
    double gain;
};

/* The largest change first, then the order of the list. */
static int compare(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (fabs(x->gain) != fabs(y->gain))
        return fabs(x->gain) > fabs(y->gain) ? -1 : 1;
    return x->image < y->image ? -1 : x->image > y->image;
}

/* ---------------------------------------------------------------- confidence over n */

enum fate { CORRECTED, SPOILED, ALWAYS_RIGHT, NEVER_RIGHT, N_FATES };
static const char *const fate_names[N_FATES] = {"corrected", "spoiled", "right at 0 and N",
                                                "wrong at 0 and N"};

static enum fate fate_of(const struct predictions *q, int64_t i)
{
    const bool first = predictions_is_right(q, i, 0), last = predictions_is_right(q, i, q->n_iterations);
    return first ? last ? ALWAYS_RIGHT : SPOILED : last ? CORRECTED : NEVER_RIGHT;
}

static void write_chart(struct str *out, const struct predictions *q)
{
    double x[METHOD_MAX_ITERATIONS + 1], y[N_FATES][METHOD_MAX_ITERATIONS + 1] = {{0.0}};
    int64_t counts[N_FATES] = {0};
    struct chart_series series[N_FATES];
    size_t n_series = 0;
    for (int64_t i = 0; i < q->n_images; i++) {
        const enum fate fate = fate_of(q, i);
        counts[fate]++;
        for (int64_t n = 0; n <= q->n_iterations; n++)
            y[fate][n] += 100.0 * predictions_get(q, i, n)->label_confidence;
    }
    for (int k = 0; k < N_FATES; k++) {
        for (int64_t n = 0; n <= q->n_iterations; n++) {
            x[n] = (double)n;
            y[k][n] /= counts[k] > 0 ? (double)counts[k] : 1.0;
        }
        if (counts[k] > 0)
            series[n_series++] = (struct chart_series){
                .name = fate_names[k], .x = x, .y = y[k], .n = (size_t)q->n_iterations + 1};
    }
    chart_write(out, &(struct chart){.title = "Mean probability of the true class",
                                     .x_label = "iteration n",
                                     .y_label = "probability, %",
                                     .series = series,
                                     .n_series = n_series,
                                     .has_points = true,
                                     .has_whole_x = true});
}

/* ---------------------------------------------------------------- pictures */

/* The prediction at each n with the probability of the true class as a bar. */
static void write_iterations(struct str *out, const struct list *list, const struct predictions *q, int64_t i)
{
    str_append(out, "<ol class=\"steps\" start=\"0\">");
    for (int64_t n = 0; n <= q->n_iterations; n++) {
        const struct prediction *at = predictions_get(q, i, n);
        const bool is_right = at->class_idx == q->labels[i];
        str_appendf(out, "<li class=\"%s\"><span>n = %" PRId64 " %s ", is_right ? "right" : "wrong", n,
                    is_right ? "✓" : "✗");
        html_text(out, list->names[at->class_idx]);
        str_appendf(out,
                    "\u00a0%.1f\u00a0%%</span><div class=\"bar\"><i style=\"width:%.2f%%\"></i></div></li>",
                    100.0 * at->confidence, 100.0 * at->label_confidence);
    }
    str_append(out, "</ol>");
}

static int write_picture(struct str *out, struct page *p, const struct list *list,
                         const struct predictions *q, int64_t i)
{
    const char *name = list->names[q->labels[i]];
    const char *file = (size_t)q->items[i] < list->n_files ? list->files[q->items[i]] : NULL;
    struct str alt = {0};
    str_appendf(&alt, "a test picture of the class %s: %s", name, q->paths[i]);
    str_append(out, "<figure class=\"picture\"");
    html_attribute(out, "data-class", name);
    str_append(out, ">");
    int status = thumbs_write(out, &p->thumbs, file, str_text(&alt));
    str_append(out, "<figcaption>");
    html_element(out, "b", name);
    write_iterations(out, list, q, i);
    str_append(out, "</figcaption></figure>\n");
    str_free(&alt);
    return status;
}

static int write_fate(struct str *out, struct page *p, const struct list *list, const struct predictions *q,
                      enum fate fate, const char *title)
{
    struct change *changes = calloc((size_t)q->n_images, sizeof *changes);
    size_t n = 0;
    if (!changes)
        return error_out_of_memory();
    for (int64_t i = 0; i < q->n_images; i++)
        if (fate_of(q, i) == fate)
            changes[n++] = (struct change){.image = i,
                                           .gain = predictions_get(q, i, q->n_iterations)->label_confidence -
                                                   predictions_get(q, i, 0)->label_confidence};
    qsort(changes, n, sizeof *changes, compare);
    str_appendf(out, "<h3>%s: %zu</h3>\n", title, n);
    if (n > N_SHOWN)
        str_appendf(out, "<p>The %d with the largest change of the true class’s probability.</p>\n",
                    (int)N_SHOWN);
    str_append(out, "<div class=\"pictures\">\n");
    thumbs_begin_part(&p->thumbs);
    int status = OK;
    for (size_t i = 0; status == OK && i < n && i < N_SHOWN; i++)
        status = write_picture(out, p, list, q, changes[i].image);
    str_append(out, "</div>\n");
    free(changes);
    return status;
}

static int write_group(struct str *out, struct page *p, size_t group, size_t list, bool is_open)
{
    const struct run *r = group_first(p, &p->groups[group]);
    const struct predictions *q = &r->lists[list].predictions;
    int status = OK;
    section_summary(out, p, group, list, is_open);
    str_appendf(out,
                "<p>Seed %" PRId64
                ". Bars show the probability of the true class.</p>\n<div class=\"charts\">\n",
                r->config->seed);
    write_chart(out, q);
    str_append(out, "</div>\n");
    if ((status = write_fate(out, p, &p->lists[list], q, CORRECTED, "Wrong at n = 0, right at n = N")) == OK)
        status = write_fate(out, p, &p->lists[list], q, SPOILED, "Right at n = 0, wrong at n = N");
    str_append(out, "</details>\n");
    return status;
}

int section_pictures(struct str *out, struct page *p)
{
    int status = OK;
    bool has_any = false;
    for (size_t i = 0; status == OK && i < p->n_groups; i++) {
        if (run_iterations(group_first(p, &p->groups[i])) == 0)
            continue;
        if (!has_any)
            str_append(out, "<section id=\"pictures\"><h2>Pictures that change</h2>\n");
        for (size_t k = 0; status == OK && k < p->n_lists; k++)
            status = write_group(out, p, i, k, !has_any && k == 0);
        has_any = true;
    }
    str_append(out, has_any ? "</section>\n" : "");
    return status == OK ? str_status(out) : status;
}
