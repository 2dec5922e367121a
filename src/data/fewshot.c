/*
 * The few-shot sample of the field's public code, item for item.
 *
 * Visits classes in the order of their first appearance in the list, which is not the order of labels. One
 * generator draws train first and then val, so val's sample depends on train's.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "groups.h"
#include "prompt/base/rng.h"
#include "prompt/data/dataset.h"
#include "prompt/data/fewshot.h"

static int copy_item(struct item_list *out, const struct item_list *list, size_t idx)
{
    return item_list_add_item(out, &list->items[idx], list->items[idx].label);
}

/* Draws k of the group's n items like random.sample; takes a smaller group whole, in order, undrawn. */
static int sample_group(struct item_list *out, const struct item_list *list, const size_t *members, size_t n,
                        size_t k, struct python_random *random)
{
    int status = OK;
    if (n < k) {
        for (size_t i = 0; status == OK && i < n; i++)
            status = copy_item(out, list, members[i]);
        return status;
    }
    size_t *drawn = calloc(k, sizeof *drawn);
    if (!drawn)
        return error_out_of_memory();
    status = python_random_sample(drawn, random, n, k);
    for (size_t i = 0; status == OK && i < k; i++)
        status = copy_item(out, list, members[drawn[i]]);
    free(drawn);
    return status;
}

static int sample_list(struct item_list *out, const struct item_list *list, int64_t n_classes, size_t k,
                       struct python_random *random)
{
    struct item_groups g = {0};
    int status = item_groups_init(&g, list, n_classes);
    if (status != OK)
        return status;
    for (size_t i = 0; status == OK && i < g.n_present; i++) {
        size_t label = (size_t)g.order[i];
        size_t n = g.start[label + 1] - g.start[label];
        status = sample_group(out, list, g.members + g.start[label], n, k, random);
    }
    item_groups_free(&g);
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
            status = copy_item(train, &d->train, i);
        for (size_t i = 0; status == OK && i < d->val.n; i++)
            status = copy_item(val, &d->val, i);
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
