/* A file's tensors into those of a method. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"
#include "source.h"

/* One call: which tensors of the file are taken. */
struct filling {
    struct method *m;
    const struct import_source *source;
    const struct import_map *map;
    const struct weights *w;
    scope *s;
    bool *is_taken; /* [source->n_tensors] */
};

enum { MAX_DIMS = 4 }; /* of a trained tensor */

/* Of the target, or of a part without its first `skip` axes; transposed as in the file. */
static int check_shape(const struct source_tensor *found, const struct import_tensor *how,
                       const tensor *target, int64_t skip)
{
    int64_t dims[MAX_DIMS] = {0};
    const int64_t n = t_dim(target) - skip;
    for (int64_t i = 0; i < n; i++)
        dims[how->transform == IMPORT_TRANSPOSED ? n - 1 - i : i] = t_size(target, skip + i);
    bool is_equal = t_dim(found->value) == n;
    for (int64_t i = 0; is_equal && i < n; i++)
        is_equal = t_size(found->value, i) == dims[i];
    if (is_equal)
        return OK;
    struct str expected = {0}, here = {0};
    shape_append(&expected, dims, (size_t)n);
    tensor_append_shape(&here, found->value);
    int status =
        error_set(ERR_SHAPE, "'%s': tensor '%s': expected %s for this model and these settings, found %s",
                  found->path, found->name, str_text(&expected), str_text(&here));
    str_free(&expected);
    str_free(&here);
    return status;
}

/* The file's tensor that is the target's row, of the map's alternatives the first that is there. */
static int find_row(const struct source_tensor **out, const struct import_tensor **how,
                    const struct filling *f, const char *target, int64_t row)
{
    char *first = NULL;
    *out = NULL;
    for (const struct import_tensor *t = f->map->tensors; t->source && !*out; t++) {
        struct import_tensor at = *t;
        if (at.number == IMPORT_AFTER_TEXT)
            at.number = f->m->clip->dims.text.n_layers;
        char *name = strcmp(at.target, target) == 0 ? import_source_name(&at, row) : NULL;
        if (!name)
            continue;
        *out = source_find(f->source, name);
        *how = t;
        if (first)
            free(name);
        else
            first = name;
    }
    int status = OK;
    if (!*out)
        status =
            error_set(ERR_FORMAT, "'%s': tensor '%s' is missing", f->source->path, first ? first : target);
    else if (!(*out)->value)
        status = error_set(ERR_FORMAT, "'%s': tensor '%s' %s", (*out)->path, (*out)->name, (*out)->found);
    free(first);
    return status;
}

static tensor *transform(scope *s, const struct method *m, const struct import_tensor *how,
                         const tensor *value)
{
    tensor *x = t_to_device(s, t_to(s, value, DTYPE_F32), m->clip->device);
    switch (how->transform) {
    case IMPORT_AS_IS:
        return x;
    case IMPORT_TRANSPOSED:
        return t_transpose(s, x, 0, 1);
    case IMPORT_LN_PRE:
        return nn_norm(s, &m->clip->ln_pre, x);
    }
    return x;
}

/* The part of a target that is one tensor in the file: all of it, or a row along its first axes. */
static tensor *part_of(scope *s, tensor *target, int64_t n_axes, int64_t row)
{
    if (n_axes == 0)
        return target;
    if (n_axes == 1)
        return t_select(s, target, 0, row);
    const int64_t n = t_size(target, 1);
    return t_select(s, t_select(s, target, 0, row / n), 0, row % n);
}

static int fill_row(const struct filling *f, const struct param *target, int64_t n_axes, int64_t row)
{
    const struct source_tensor *found = NULL;
    const struct import_tensor *how = NULL;
    int status = find_row(&found, &how, f, target->name, row);
    if (status == OK)
        status = check_shape(found, how, target->value, n_axes);
    if (status != OK)
        return status;
    tensor *part = part_of(f->s, target->value, n_axes, row);
    t_copy_(f->s, part, transform(f->s, f->m, how, found->value));
    f->is_taken[found - f->source->tensors] = true;
    return scope_status(f->s);
}

/* The number of axes along which the target's rows are tensors of their own. */
static int64_t count_axes(const struct import_map *map, const char *target)
{
    for (const struct import_tensor *t = map->tensors; t->source; t++)
        if (strcmp(t->target, target) == 0)
            return t->row < 0 ? 0 : t->step > 0 ? 2 : 1;
    return 0;
}

static int fill_all(const struct filling *f)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < f->m->trained.n; i++) {
        const struct param *target = &f->m->trained.items[i];
        const int64_t n_axes = count_axes(f->map, target->name);
        const int64_t n_rows = n_axes == 0   ? 0
                               : n_axes == 1 ? t_size(target->value, 0)
                                             : t_size(target->value, 0) * t_size(target->value, 1);
        for (int64_t row = n_axes == 0 ? -1 : 0; status == OK && row < n_rows; row++)
            status = fill_row(f, target, n_axes, row);
    }
    return status;
}

static bool is_passed_over(const struct filling *f, const char *name)
{
    for (const char *const *prefix = f->map->passed_over; *prefix; prefix++)
        if (str_starts_with(name, *prefix))
            return true;
    return source_frozen(f->map, f->w, name) != NULL;
}

/* A tensor that nobody reads may change what the authors' code computes: the file is another method's. */
static int check_rest(const struct filling *f)
{
    for (size_t i = 0; i < f->source->n_tensors; i++) {
        const char *name = f->source->tensors[i].name;
        if (!f->is_taken[i] && !is_passed_over(f, name))
            return error_set(ERR_FORMAT, "'%s': tensor '%s' is not one of method %s with these settings",
                             f->source->tensors[i].path, name, method_kind_names[f->m->options.kind]);
    }
    return OK;
}

int import_fill(struct method *m, const struct import_source *source, const struct weights *w)
{
    struct filling f = {.m = m,
                        .source = source,
                        .map = import_map_of(m->options.kind),
                        .w = w,
                        .s = scope_open(m->scope, SCOPE_GRAD_OFF),
                        .is_taken = calloc(source->n_tensors + 1, sizeof(bool))};
    int status = f.is_taken ? fill_all(&f) : error_out_of_memory();
    if (status == OK)
        status = check_rest(&f);
    free(f.is_taken);
    const int closed = scope_close(f.s);
    return status == OK ? closed : status;
}
