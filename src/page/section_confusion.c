/* The confusion matrix, and its largest entries with pictures. */
#include <inttypes.h>
#include <stdlib.h>

#include "html.h"
#include "matrix.h"
#include "sections.h"

enum { N_CONFUSIONS = 8, N_PICTURES = 4 };

struct confusion {
    int64_t label, predicted, count;
};

/* More first, then by class. */
static int compare(const void *a, const void *b)
{
    const struct confusion *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->predicted < y->predicted ? -1 : x->predicted > y->predicted;
}

/* Adds up the predictions after the last iteration over the runs of a group. */
static void count(int64_t *counts, const struct page *p, const struct group *g, size_t list)
{
    const int64_t K = p->lists[list].n_classes;
    for (size_t k = 0; k < g->n; k++) {
        const struct predictions *q = &p->runs[g->runs[k]].lists[list].predictions;
        for (int64_t i = 0; i < q->n_images; i++)
            counts[q->labels[i] * K + predictions_get(q, i, q->n_iterations)->class_idx]++;
    }
}

static const char *file_of(const struct list *list, int64_t item)
{
    return (size_t)item < list->n_files ? list->files[item] : NULL;
}

/* Pictures of the first run that has the confusion. */
static int write_pictures(struct str *out, struct page *p, const struct group *g, size_t list,
                          struct confusion c)
{
    const struct list *l = &p->lists[list];
    int n = 0, status = OK;
    for (size_t k = 0; status == OK && k < g->n && n == 0; k++) {
        const struct predictions *q = &p->runs[g->runs[k]].lists[list].predictions;
        for (int64_t i = 0; status == OK && i < q->n_images && n < N_PICTURES && l->n_files > 0; i++) {
            const struct prediction *last = predictions_get(q, i, q->n_iterations);
            if (q->labels[i] != c.label || last->class_idx != c.predicted)
                continue;
            struct str alt = {0};
            str_appendf(&alt, "%s, predicted %s with %.0f %%", l->names[c.label], l->names[c.predicted],
                        100.0 * last->confidence);
            status = thumbs_write(out, &p->thumbs, file_of(l, q->items[i]), str_text(&alt));
            str_free(&alt);
            n++;
        }
    }
    return status;
}

static int write_confusion(struct str *out, struct page *p, const struct group *g, size_t list,
                           struct confusion c, int64_t n_images)
{
    const struct list *l = &p->lists[list];
    struct str both = {0};
    str_appendf(&both, "%s %s", l->names[c.label], l->names[c.predicted]);
    str_append(out, "<li");
    html_attribute(out, "data-class", str_text(&both));
    str_append(out, "><b>");
    html_text(out, l->names[c.label]);
    str_append(out, "</b> taken for <b>");
    html_text(out, l->names[c.predicted]);
    str_appendf(out, "</b>: %" PRId64 " of %" PRId64 "<div class=\"strip\">", c.count, n_images);
    str_free(&both);
    int status = write_pictures(out, p, g, list, c);
    str_append(out, "</div></li>\n");
    return status;
}

/* The errors, largest first. */
static int list_errors(struct confusion **out, size_t *n, const int64_t *counts, int64_t K)
{
    *n = 0;
    *out = calloc((size_t)(K * K) + 1, sizeof **out);
    if (!*out)
        return error_out_of_memory();
    for (int64_t i = 0; i < K * K; i++)
        if (counts[i] > 0 && i / K != i % K)
            (*out)[(*n)++] = (struct confusion){.label = i / K, .predicted = i % K, .count = counts[i]};
    qsort(*out, *n, sizeof **out, compare);
    return OK;
}

static int write_errors(struct str *out, struct page *p, const struct group *g, size_t list,
                        const int64_t *counts)
{
    const int64_t K = p->lists[list].n_classes;
    struct confusion *errors = NULL;
    size_t n = 0;
    int status = list_errors(&errors, &n, counts, K);
    if (status == OK)
        str_append(out, n > 0 ? "<h3>Largest confusions</h3>\n<ol class=\"confusions\">\n"
                              : "<p>No errors.</p><ol>");
    for (size_t i = 0; status == OK && i < n && i < N_CONFUSIONS; i++) {
        int64_t n_images = 0;
        for (int64_t k = 0; k < K; k++)
            n_images += counts[errors[i].label * K + k];
        status = write_confusion(out, p, g, list, errors[i], n_images);
    }
    str_append(out, "</ol>\n");
    free(errors);
    return status;
}

static int write_group(struct str *out, struct page *p, size_t group, size_t list)
{
    const struct group *g = &p->groups[group];
    const struct list *l = &p->lists[list];
    struct str alt = {0};
    int64_t *counts = calloc((size_t)(l->n_classes * l->n_classes) + 1, sizeof *counts);
    if (!counts)
        return error_out_of_memory();
    count(counts, p, g, list);
    section_summary(out, p, group, list, group == 0 && list == 0);
    str_appendf(&alt, "Confusion matrix of %" PRId64 " classes; the list below names its largest errors",
                l->n_classes);
    thumbs_begin_part(&p->thumbs);
    str_append(out, "<div class=\"scroll\">");
    matrix_write(out, counts, l->names, l->n_classes, str_text(&alt));
    str_append(out, "</div>\n");
    int status = write_errors(out, p, g, list, counts);
    str_append(out, "</details>\n");
    str_free(&alt);
    free(counts);
    return status;
}

int section_confusion(struct str *out, struct page *p)
{
    int status = OK;
    str_append(
        out,
        "<section id=\"confusion\"><h2>Confusions</h2>\n<p>Rows are true classes, columns predictions after "
        "the last iteration, over all seeds. The darker a cell, the larger its share of the row.</p>\n");
    for (size_t i = 0; status == OK && i < p->n_groups; i++)
        for (size_t k = 0; status == OK && k < p->n_lists; k++)
            status = write_group(out, p, i, k);
    str_append(out, "</section>\n");
    return status == OK ? str_status(out) : status;
}
