/* The items of a list by class. */
#include "groups.h"

#include <stdlib.h>

void item_groups_free(struct item_groups *g)
{
    free(g->start);
    free(g->members);
    free(g->order);
    *g = (struct item_groups){0};
}

int item_groups_init(struct item_groups *out, const struct item_list *list, int64_t n_classes)
{
    const size_t n = (size_t)n_classes;
    struct item_groups g = {
        .start = calloc(n + 2, sizeof *g.start),
        .members = calloc(list->n + 1, sizeof *g.members),
        .order = calloc(n + 1, sizeof *g.order),
    };
    if (!g.start || !g.members || !g.order) {
        item_groups_free(&g);
        return error_out_of_memory();
    }
    /* Counts are shifted by two, so that their sum start[c + 1] is the start of class c: filling moves it to
     * the end of class c, which is the start of class c + 1. */
    for (size_t i = 0; i < list->n; i++) {
        size_t label = (size_t)list->items[i].label;
        if (g.start[label + 2]++ == 0)
            g.order[g.n_present++] = list->items[i].label;
    }
    for (size_t c = 2; c < n + 2; c++)
        g.start[c] += g.start[c - 1];
    for (size_t i = 0; i < list->n; i++)
        g.members[g.start[(size_t)list->items[i].label + 1]++] = i;
    *out = g;
    return OK;
}
