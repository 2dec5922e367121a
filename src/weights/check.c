/* Checks a file's tensors: sizes follow from shapes; one error names all deviations. */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "prompt/base/str.h"
#include "specs.h"

enum {
    MAX_NAMED = 5,     /* tensors named in one error */
    MAX_LAYERS = 1000, /* a number in a name is untrusted */
    MAX_SIDE = 1 << 15 /* pixels or patches; keeps products of sizes in range */
};

/* ---------------------------------------------------------------- deviations */

/* A list of names for an error message: the first MAX_NAMED, and how many more. */
struct complaint {
    struct str names;
    size_t n;
};

static void complain(struct complaint *c, const char *name, const char *detail)
{
    if (c->n++ < MAX_NAMED)
        str_appendf(&c->names, "%s'%.120s'%s", c->n > 1 ? ", " : "", name, detail);
}

static void append_complaint(struct str *message, const char *title, const struct complaint *c)
{
    if (c->n == 0)
        return;
    str_appendf(message, "%s%s tensor%s %s", message->len ? "; " : "", title, c->n > 1 ? "s" : "",
                str_text(&c->names));
    if (c->n > MAX_NAMED)
        str_appendf(message, " and %zu more", c->n - MAX_NAMED);
}

/* ---------------------------------------------------------------- sizes */

/* Axis `dim` of the tensor in OpenAI's layout; reports a missing tensor or axis. */
static int64_t size_of(const struct params *raw, bool is_hugging_face, const char *name, int64_t n_dims,
                       int64_t dim, struct complaint *missing, struct complaint *misshaped)
{
    struct weight_source source;
    weight_source_of(&source, name, is_hugging_face);
    const tensor *t = params_find(raw, source.names[0]);
    if (!t) {
        complain(missing, source.names[0], "");
        return 1;
    }
    if (t_dim(t) != n_dims || t_numel(t) == 0) {
        struct str detail = {0};
        str_appendf(&detail, " (expected %" PRId64 " dimensions, found ", n_dims);
        tensor_append_shape(&detail, t);
        str_append(&detail, ")");
        complain(misshaped, source.names[0], str_text(&detail));
        str_free(&detail);
        return 1;
    }
    return t_size(t, source.is_transposed ? n_dims - 1 - dim : dim);
}

/* The highest block number plus one. */
static int64_t count_layers(const struct params *raw, const char *prefix)
{
    int64_t n = 0;
    for (size_t i = 0; i < raw->n; i++) {
        if (!str_starts_with(raw->items[i].name, prefix))
            continue;
        char *end = NULL;
        long number = strtol(raw->items[i].name + strlen(prefix), &end, 10);
        if (*end == '.' && number >= n && number < MAX_LAYERS)
            n = (int64_t)number + 1;
    }
    return n;
}

/* The side of a square of `n` patches; 0 if `n` is not a square. */
static int64_t square_side(int64_t n)
{
    int64_t side = 0;
    while (side <= MAX_SIDE && side * side < n)
        side++;
    return side * side == n ? side : 0;
}

static int report(struct complaint *missing, struct complaint *extra, struct complaint *misshaped)
{
    struct str message = {0};
    append_complaint(&message, "missing", missing);
    append_complaint(&message, "unexpected", extra);
    append_complaint(&message, "mis-shaped", misshaped);
    int status = OK;
    if (message.failed)
        status = error_out_of_memory();
    else if (message.len > 0)
        status = error_set(missing->n || extra->n ? ERR_FORMAT : ERR_SHAPE, "%s", message.data);
    str_free(&message);
    str_free(&missing->names);
    str_free(&extra->names);
    str_free(&misshaped->names);
    return status;
}

int weights_infer_dims(struct clip_dims *out, const struct params *raw, bool hf)
{
    struct complaint missing = {0};
    struct complaint extra = {0};
    struct complaint bad = {0};
    *out = (struct clip_dims){0};
    out->vision.width = size_of(raw, hf, "visual.conv1.weight", 4, 0, &missing, &bad);
    out->patch_px = bad.n || missing.n ? 1 : size_of(raw, hf, "visual.conv1.weight", 4, 2, &missing, &bad);
    int64_t n_positions = size_of(raw, hf, "visual.positional_embedding", 2, 0, &missing, &bad);
    out->embed_dim = size_of(raw, hf, "visual.proj", 2, 1, &missing, &bad);
    out->vision.n_layers = count_layers(raw, weights_block_prefix(true, hf));
    out->vision.mlp_width =
        size_of(raw, hf, "visual.transformer.resblocks.0.mlp.c_fc.weight", 2, 0, &missing, &bad);
    out->vocab_size = size_of(raw, hf, "token_embedding.weight", 2, 0, &missing, &bad);
    out->text.width = size_of(raw, hf, "ln_final.weight", 1, 0, &missing, &bad);
    out->context_length = size_of(raw, hf, "positional_embedding", 2, 0, &missing, &bad);
    out->text.n_layers = count_layers(raw, weights_block_prefix(false, hf));
    out->text.mlp_width = size_of(raw, hf, "transformer.resblocks.0.mlp.c_fc.weight", 2, 0, &missing, &bad);
    int status = report(&missing, &extra, &bad);
    if (status != OK)
        return status;

    int64_t side = square_side(n_positions - 1);
    if (side == 0)
        return error_set(ERR_SHAPE,
                         "%" PRId64 " image positions are not a class token and a square of patches",
                         n_positions);
    if (out->patch_px > MAX_SIDE)
        return error_set(ERR_SHAPE, "patches of %" PRId64 " pixels are too large", out->patch_px);
    out->image_px = side * out->patch_px;
    return OK;
}

/* ---------------------------------------------------------------- tensors */

static bool is_float(const tensor *t)
{
    enum dtype dtype = t_dtype(t);
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || dtype == DTYPE_F64;
}

/* Describes a tensor's deviation as " (expected ..., found ...)"; empty if there is none. */
static void judge(struct str *out, const tensor *t, const struct weight_spec *spec,
                  const struct weight_source *source)
{
    int64_t want[4];
    for (size_t i = 0; i < spec->n_dims; i++)
        want[i] = spec->dims[source->is_transposed ? spec->n_dims - 1 - i : i];
    if (source->n > 1)
        want[0] /= (int64_t)source->n;
    bool same = t_dim(t) == (int64_t)spec->n_dims || (spec->n_dims == 0 && t_dim(t) == 1 && t_numel(t) == 1);
    for (size_t i = 0; same && i < spec->n_dims; i++)
        same = t_size(t, (int64_t)i) == want[i];
    if (!same) {
        str_append(out, " (expected ");
        shape_append(out, want, spec->n_dims);
        str_append(out, ", found ");
        tensor_append_shape(out, t);
        str_append(out, ")");
    } else if (!is_float(t)) {
        str_appendf(out, " (expected floating point, found %s)", dtype_name(t_dtype(t)));
    }
}

static void check_spec(const struct params *raw, const struct weight_spec *spec,
                       const struct weight_source *source, bool *used, struct complaint *missing,
                       struct complaint *misshaped)
{
    for (size_t i = 0; i < source->n; i++) {
        size_t at = 0;
        while (at < raw->n && strcmp(raw->items[at].name, source->names[i]) != 0)
            at++;
        if (at == raw->n) {
            complain(missing, source->names[i], "");
            continue;
        }
        used[at] = true;
        struct str detail = {0};
        judge(&detail, raw->items[at].value, spec, source);
        if (detail.len > 0)
            complain(misshaped, source->names[i], str_text(&detail));
        str_free(&detail);
    }
}

static int check_all(const struct params *raw, const struct weight_specs *specs, bool is_hugging_face)
{
    bool *used = calloc(raw->n + 1, sizeof *used);
    if (!used)
        return error_out_of_memory();
    struct complaint missing = {0};
    struct complaint extra = {0};
    struct complaint misshaped = {0};
    for (size_t i = 0; i < specs->n; i++) {
        struct weight_source source;
        weight_source_of(&source, specs->items[i].name, is_hugging_face);
        check_spec(raw, &specs->items[i], &source, used, &missing, &misshaped);
    }
    for (size_t i = 0; i < raw->n; i++)
        if (!used[i] && !weights_is_passed_over(raw->items[i].name))
            complain(&extra, raw->items[i].name, "");
    free(used);
    return report(&missing, &extra, &misshaped);
}

static tensor *build(scope *s, const struct params *raw, const struct weight_spec *spec, bool is_hugging_face)
{
    struct weight_source source;
    weight_source_of(&source, spec->name, is_hugging_face);
    tensor *t = params_find(raw, source.names[0]);
    if (spec->n_dims == 0 && t_dim(t) == 1) /* open_clip's nonscalar_logit_scale: a vector of one */
        return t_reshape(s, t, NULL, 0);
    if (source.n == 3) {
        const tensor *parts[3] = {t, params_find(raw, source.names[1]), params_find(raw, source.names[2])};
        return t_cat(s, parts, 3, 0);
    }
    return source.is_transposed ? t_contiguous(s, t_transpose(s, t, 0, 1)) : t;
}

int weights_collect(struct params *out, scope *s, const struct params *raw, const struct clip_dims *dims,
                    bool is_hugging_face)
{
    struct weight_specs specs;
    int status = weight_specs_create(&specs, dims);
    if (status == OK)
        status = check_all(raw, &specs, is_hugging_face);
    for (size_t i = 0; i < specs.n && status == OK; i++) {
        tensor *t = build(s, raw, &specs.items[i], is_hugging_face);
        status = t ? params_add(out, specs.items[i].name, t) : scope_status(s);
    }
    weight_specs_free(&specs);
    return status;
}
