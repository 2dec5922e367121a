/* The paper's numbers beside those of a page. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* The measure of a list in the tables. */
static const char *measure_of(enum class_subset subset)
{
    static const char *const names[] = {
        [CLASS_SUBSET_ALL] = "all", [CLASS_SUBSET_BASE] = "base", [CLASS_SUBSET_NEW] = "new"};
    return names[subset];
}

/* Takes the numbers of a row for the lists that have none yet. */
static void take_numbers(const struct page *p, struct group *g, const struct experiment *x,
                         const struct experiment_row *row)
{
    for (size_t i = 0; i < p->n_lists; i++) {
        const struct list *list = &p->lists[i];
        if ((list->subset != CLASS_SUBSET_ALL) != x->has_halves || !isnan(g->paper[i]))
            continue;
        g->paper[i] = experiment_paper(x, row, list->dataset, measure_of(list->subset));
        g->has_paper = g->has_paper || !isnan(g->paper[i]);
    }
    if (x->has_halves && isnan(g->paper_hm))
        g->paper_hm = experiment_paper(x, row, p->lists[0].dataset, "hm");
}

/* The first difference, named from the side of the run; the other side decides whether there is one. */
static int compare_settings(struct str *out, const struct config *a, const struct config *b)
{
    int status = experiment_compare(out, a, b);
    if (status != OK || out->len == 0)
        return status;
    const struct config *expected = b, *run = a; /* the other way round */
    str_clear(out);
    return experiment_compare(out, expected, run);
}

/* Looks for the row of the group's method, and keeps the first setting in which the group is not that row. */
static int find_row(const struct page *p, struct group *g, const struct experiment *x)
{
    const struct run *r = group_first(p, g);
    for (size_t i = 0; i < x->n_rows; i++) {
        const struct experiment_row *row = &x->rows[i];
        struct config expected = {0};
        if (strcmp(row->series, method_name(r->config)) != 0)
            continue;
        const bool had_paper = g->has_paper;
        int status = experiment_config(&expected, x, row, p->lists[0].dataset, &(struct str_list){0});
        take_numbers(p, g, x, row);
        if (status == OK && g->has_paper && !had_paper)
            status = compare_settings(&g->setting, &expected, r->config);
        config_free(&expected);
        return status;
    }
    return OK;
}

static int find_table(struct page *p, const char *name)
{
    const struct str_list all = {0};
    struct experiment *x = NULL;
    int status = experiment_open(&x, p->options->tables, name, &all);
    for (size_t i = 0; status == OK && i < p->n_groups; i++)
        status = find_row(p, &p->groups[i], x);
    experiment_free(x);
    return status;
}

int published_find(struct page *p)
{
    static const char *const tables[] = {"table1", "table2", "table3"};
    int status = OK;
    for (size_t i = 0; status == OK && i < p->n_groups; i++) {
        struct group *g = &p->groups[i];
        g->paper = calloc(p->n_lists, sizeof *g->paper);
        status = g->paper ? OK : error_out_of_memory();
        for (size_t k = 0; status == OK && k < p->n_lists; k++)
            g->paper[k] = NAN;
        g->paper_hm = NAN;
    }
    for (size_t i = 0; status == OK && p->options->tables && i < 3; i++)
        status = find_table(p, tables[i]);
    return status;
}
