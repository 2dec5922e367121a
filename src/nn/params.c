/* Named tensors in a fixed order. A model has a few hundred, so a linear search finds a name. */
#include "prompt/nn/params.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/array.h"

int params_add(struct params *p, const char *name, tensor *value)
{
    if (params_find(p, name))
        return error_set(ERR_FORMAT, "tensor '%s' occurs twice", name);
    char *copy = array_grow(&p->items, p->n, sizeof *p->items) == OK ? str_dup(name) : NULL;
    if (!copy)
        return ERR_MEMORY;
    p->items[p->n++] = (struct param){.name = copy, .value = value};
    return OK;
}

int params_add_zeros(struct params *p, scope *owner, const struct param *like)
{
    tensor *zeros = t_scale(owner, t_detach(owner, like->value), 0.0);
    return zeros ? params_add(p, like->name, zeros) : scope_status(owner);
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

/* ---------------------------------------------------------------- shapes in messages */

void shape_append(struct str *out, const int64_t *dims, size_t n_dims)
{
    str_append_char(out, '[');
    for (size_t i = 0; i < n_dims; i++)
        str_appendf(out, "%s%" PRId64, i > 0 ? ", " : "", dims[i]);
    str_append_char(out, ']');
}

void tensor_append_shape(struct str *out, const tensor *t)
{
    str_append_char(out, '[');
    for (int64_t i = 0; i < t_dim(t); i++)
        str_appendf(out, "%s%" PRId64, i > 0 ? ", " : "", t_size(t, i));
    str_append_char(out, ']');
}

int tensor_check_shape(const char *name, const tensor *found, const tensor *expected)
{
    bool equal = t_dim(found) == t_dim(expected);
    for (int64_t i = 0; equal && i < t_dim(expected); i++)
        equal = t_size(found, i) == t_size(expected, i);
    if (equal)
        return OK;
    struct str here = {0};
    struct str there = {0};
    tensor_append_shape(&here, expected);
    tensor_append_shape(&there, found);
    int status = error_set(ERR_SHAPE, "tensor '%s': expected %s for this model and these settings, found %s",
                           name, str_text(&here), str_text(&there));
    str_free(&here);
    str_free(&there);
    return status;
}
