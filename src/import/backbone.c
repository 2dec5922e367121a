/* The frozen tensors of a file that holds a whole model, beside the user's CLIP. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"
#include "source.h"

const tensor *source_frozen(const struct import_map *map, const struct weights *w, const char *name)
{
    const tensor *found = NULL;
    for (const struct import_prefix *p = map->frozen; p->source && !found; p++) {
        if (!str_starts_with(name, p->source))
            continue;
        char *own = str_format("%s%s", p->clip, name + strlen(p->source));
        found = own ? params_find(&w->tensors, own) : NULL;
        free(own);
    }
    return found;
}

static int compare(double *out, const struct source_tensor *here, const tensor *model)
{
    double part[2] = {0.0, 0.0}; /* squared lengths of the difference and of the model's */
    bool is_equal = t_dim(here->value) == t_dim(model);
    for (int64_t i = 0; is_equal && i < t_dim(model); i++)
        is_equal = t_size(here->value, i) == t_size(model, i);
    if (!is_equal) {
        struct str expected = {0}, found = {0};
        tensor_append_shape(&expected, model);
        tensor_append_shape(&found, here->value);
        int status =
            error_set(ERR_SHAPE, "tensor '%s' of the file's own CLIP: expected %s as in the model, found %s",
                      here->name, str_text(&expected), str_text(&found));
        str_free(&expected);
        str_free(&found);
        return status;
    }
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const tensor *b = t_to(s, model, DTYPE_F64);
    const tensor *difference = t_sub(s, t_to(s, here->value, DTYPE_F64), b);
    int status = t_item_f64(&part[0], s, t_sum(s, t_mul(s, difference, difference)));
    if (status == OK)
        status = t_item_f64(&part[1], s, t_sum(s, t_mul(s, b, b)));
    *out = part[0] == 0.0 ? 0.0 : sqrt(part[0] / part[1]);
    const int closed = scope_close(s);
    return status == OK ? closed : status;
}

int import_compare_backbone(struct import_backbone *out, const struct import_source *source,
                            enum method_kind method, const struct weights *w)
{
    const struct import_map *map = import_map_of(method);
    *out = (struct import_backbone){0};
    for (size_t i = 0; i < source->n_tensors; i++) {
        const struct source_tensor *t = &source->tensors[i];
        const tensor *model = t->value ? source_frozen(map, w, t->name) : NULL;
        double difference = 0.0;
        if (!model)
            continue;
        int status = compare(&difference, t, model);
        if (status != OK)
            return error_context("'%s'", t->path);
        out->n_tensors++;
        if (!out->name || !(difference <= out->difference)) { /* NaN is the largest */
            out->difference = difference;
            out->name = t->name;
        }
    }
    return OK;
}
