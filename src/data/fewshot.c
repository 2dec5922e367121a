/*
 * The few-shot sample of the field's public code, item for item.
 *
 * Classes are visited in the order of their first appearance in the list, which is not the order of labels.
 * One generator serves train first and val after it, so val's sample depends on train's.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "prompt/base/rng.h"
#include "prompt/data/dataset.h"

/* The list's indices by class: class c's are members[start[c]] .. members[start[c + 1] - 1], in list order.
 */
struct groups {
    size_t *start;   /* [n_classes + 1] */
    size_t *members; /* [n] */
    int64_t *order;  /* [n_present] labels by first appearance */
    size_t n_present;
};

static void groups_free(struct groups *g)
{
    free(g->start);
    free(g->members);
    free(g->order);
    *g = (struct groups){0};
}

static int groups_init(struct groups *out, const struct item_list *list, int64_t n_classes)
{
    const size_t n = (size_t)n_classes;
    struct groups g = {
        .start = calloc(n + 2, sizeof *g.start),
        .members = calloc(list->n + 1, sizeof *g.members),
        .order = calloc(n + 1, sizeof *g.order),
    };
    if (!g.start || !g.members || !g.order) {
        groups_free(&g);
        return error_out_of_memory();
    }
    /* Counts lie two places on, so that after adding up start[c + 1] is where class c begins: filling moves
     * it to where class c ends, which is where class c + 1 begins. */
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

static int add_item(struct item_list *out, const struct item_list *list, size_t idx)
{
    return item_list_add(out, list->items[idx].path, list->items[idx].label);
}

/* k of the group's n items by random.sample; a smaller group whole and in order, without drawing. */
static int sample_group(struct item_list *out, const struct item_list *list, const size_t *members, size_t n,
                        size_t k, struct python_random *random)
{
    int status = OK;
    if (n < k) {
        for (size_t i = 0; status == OK && i < n; i++)
            status = add_item(out, list, members[i]);
        return status;
    }
    size_t *drawn = calloc(k, sizeof *drawn);
    if (!drawn)
        return error_out_of_memory();
    status = python_random_sample(drawn, random, n, k);
    for (size_t i = 0; status == OK && i < k; i++)
        status = add_item(out, list, members[drawn[i]]);
    free(drawn);
    return status;
}

static int sample_list(struct item_list *out, const struct item_list *list, int64_t n_classes, size_t k,
                       struct python_random *random)
{
    struct groups g = {0};
    int status = groups_init(&g, list, n_classes);
    if (status != OK)
        return status;
    for (size_t i = 0; status == OK && i < g.n_present; i++) {
        size_t label = (size_t)g.order[i];
        size_t n = g.start[label + 1] - g.start[label];
        status = sample_group(out, list, g.members + g.start[label], n, k, random);
    }
    groups_free(&g);
    return status;
}

int fewshot_sample(struct item_list *train, struct item_list *val, const struct dataset *d, int64_t n_shots,
                   uint32_t seed)
{
    *train = (struct item_list){0};
    *val = (struct item_list){0};
    if (n_shots < 0)
        return error_set(ERR_USAGE, "expected 0 or more shots, found %" PRId64, n_shots);
    int status = OK;
    if (n_shots == 0) {
        for (size_t i = 0; status == OK && i < d->train.n; i++)
            status = add_item(train, &d->train, i);
        for (size_t i = 0; status == OK && i < d->val.n; i++)
            status = add_item(val, &d->val, i);
    } else {
        struct python_random random;
        python_random_seed(&random, seed);
        status = sample_list(train, &d->train, d->n_classes, (size_t)n_shots, &random);
        if (status == OK)
            status = sample_list(val, &d->val, d->n_classes, n_shots < 4 ? (size_t)n_shots : 4, &random);
    }
    if (status != OK) {
        item_list_free(train);
        item_list_free(val);
    }
    return status;
}
