/* Named tensors in a fixed order. A model has some hundred of them, so a name is found by looking at each. */
#include "prompt/nn/params.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/str.h"

int params_add(struct params *p, const char *name, tensor *value)
{
    if (params_find(p, name))
        return error_set(ERR_FORMAT, "tensor '%s' is there twice", name);
    if (p->n == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 64;
        struct param *items = realloc(p->items, capacity * sizeof *items);
        if (!items)
            return error_out_of_memory();
        p->items = items;
        p->capacity = capacity;
    }
    char *copy = str_dup(name);
    if (!copy)
        return ERR_MEMORY;
    p->items[p->n++] = (struct param){.name = copy, .value = value};
    return OK;
}

tensor *params_find(const struct params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].name, name) == 0)
            return p->items[i].value;
    return NULL;
}

int64_t params_numel(const struct params *p)
{
    int64_t numel = 0;
    for (size_t i = 0; i < p->n; i++)
        numel += t_numel(p->items[i].value);
    return numel;
}

void params_free(struct params *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].name);
    free(p->items);
    *p = (struct params){0};
}
