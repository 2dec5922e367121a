/* The items of a list by class. */
#ifndef PROMPT_SRC_DATA_GROUPS_H
#define PROMPT_SRC_DATA_GROUPS_H

#include "prompt/data/item_list.h"

/** The list's indices by class: class c's are members[start[c]] .. members[start[c + 1] - 1], in list
 * order. */
struct item_groups {
    size_t *start;   /* [n_classes + 1] */
    size_t *members; /* [n] */
    int64_t *order;  /* [n_present] labels by first appearance */
    size_t n_present;
};

int item_groups_init(struct item_groups *out, const struct item_list *list, int64_t n_classes);
void item_groups_free(struct item_groups *g);

#endif
