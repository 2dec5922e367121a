/* The recorded small world, from its files to the program's structures. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/run/config.h"
#include "prompt/run/session.h"

_Noreturn void world_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, error_message());
    exit(1);
}

/* ---------------------------------------------------------------- rows of tokens */

static struct tokens read_ids(const struct json *array)
{
    struct tokens t = {.n = json_size(array)};
    t.ids = calloc(t.n + 1, sizeof *t.ids); /* room for an end token */
    size_t i = 0;
    for (const struct json *v = json_first(array); v; v = json_next(v))
        MUST(json_i64(&t.ids[i++], v));
    return t;
}

/* The rows of "{class}." with the end token behind. */
static struct text_rows read_names(const struct json *names, int64_t end)
{
    struct text_rows rows = {.n = (int64_t)json_size(names)};
    for (const struct json *v = json_first(names); v; v = json_next(v))
        if ((int64_t)json_size(v) + 1 > rows.n_tokens)
            rows.n_tokens = (int64_t)json_size(v) + 1;
    rows.ids = calloc((size_t)(rows.n * rows.n_tokens), sizeof *rows.ids);
    rows.ends = calloc((size_t)rows.n, sizeof *rows.ends);
    int64_t k = 0;
    for (const struct json *v = json_first(names); v; v = json_next(v), k++) {
        struct tokens t = read_ids(v);
        memcpy(rows.ids + k * rows.n_tokens, t.ids, t.n * sizeof *t.ids);
        rows.ends[k] = (int64_t)t.n;
        rows.ids[k * rows.n_tokens + rows.ends[k]] = end;
        free(t.ids);
    }
    return rows;
}

/* Token rows as they stand in the file, [K,context]. */
static struct text_rows read_captions(scope *s, const tensor *captions, int64_t end)
{
    struct text_rows rows = {.n = t_size(captions, 0), .n_tokens = t_size(captions, 1)};
    const size_t n = (size_t)(rows.n * rows.n_tokens);
    rows.ids = calloc(n, sizeof *rows.ids);
    rows.ends = calloc((size_t)rows.n, sizeof *rows.ends);
    MUST(t_read_i64(rows.ids, n, s, captions));
    for (int64_t k = 0; k < rows.n; k++)
        while (rows.ids[k * rows.n_tokens + rows.ends[k]] != end)
            rows.ends[k]++;
    return rows;
}

/* ---------------------------------------------------------------- opening */

static double number(const struct json *object, const char *key)
{
    double value = 0.0;
    MUST(json_f64(&value, json_get(object, key)));
    return value;
}

static char *in_dir(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    if (!path)
        world_die("path_join");
    return path;
}

void world_open(struct world *w, const char *dir, struct clip_types types, enum encoder encoder)
{
    *w = (struct world){.scope = scope_open(NULL, SCOPE_GRAD_OFF), .images_at_a_time = 128};
    char *cases = in_dir(dir, "cases.json"), *model = in_dir(dir, "model.safetensors"),
         *arrays = in_dir(dir, "world.safetensors");
    MUST(json_read_file(&w->doc, cases));
    MUST(weights_open(&w->weights, w->scope, model, NULL));
    MUST(clip_create(&w->clip, w->scope, w->weights, (struct device){DEVICE_CPU, 0}, types, encoder));
    MUST(safetensors_open(&w->file, w->scope, arrays));
    w->pixels = params_find(&w->file->tensors, "pixels");
    w->labels = params_find(&w->file->tensors, "labels");

    const struct json *root = json_root(w->doc), *sgd = json_get(root, "sgd");
    const int64_t end = (int64_t)number(root, "eot_id");
    w->rows.names = read_names(json_get(root, "names"), end);
    w->rows.captions = read_captions(w->scope, params_find(&w->file->tensors, "captions"), end);
    w->start = read_ids(json_get(root, "template"));
    w->lr = number(sgd, "lr");
    w->momentum = number(sgd, "momentum");
    w->weight_decay = number(sgd, "weight_decay");
    free(cases);
    free(model);
    free(arrays);
}

void world_close(struct world *w)
{
    class_texts_free(&w->texts);
    class_rows_free(&w->rows);
    tokens_free(&w->start);
    clip_free(w->clip);
    weights_close(w->weights);
    MUST(scope_close(w->scope));
    safetensors_close(w->file);
    json_free(w->doc);
}

/* ---------------------------------------------------------------- method */

const struct json *world_defaults(const struct world *w)
{
    return json_get(json_root(w->doc), "defaults");
}

static void append_value(struct str *out, const struct json *v)
{
    bool truth = false;
    double value = 0.0;
    const char *text = NULL;
    if (json_type(v) == JSON_BOOL) {
        MUST(json_bool(&truth, v));
        str_append(out, truth ? "true" : "false");
    } else if (json_type(v) == JSON_NUMBER) {
        MUST(json_f64(&value, v));
        json_write_f64(out, value);
    } else {
        MUST(json_string(&text, v));
        str_append(out, text);
    }
}

struct method_options world_options(const struct json *keys, const char *const *changes)
{
    struct config c;
    MUST(config_init(&c));
    for (const struct json *v = json_first(keys); v; v = json_next(v)) {
        struct str assignment = {0};
        str_appendf(&assignment, "%s=", json_key(v));
        append_value(&assignment, v);
        MUST(config_set(&c, str_text(&assignment)));
        str_free(&assignment);
    }
    for (size_t i = 0; changes && changes[i]; i++)
        MUST(config_set(&c, changes[i]));
    struct method_options options = session_method_options(&c);
    config_free(&c);
    return options;
}

int world_method(struct method **out, struct world *w, scope *owner, const struct method_options *options)
{
    class_texts_free(&w->texts);
    int status = class_texts_create(&w->texts, owner, w->clip, &w->rows, method_prefix_tokens(options),
                                    w->images_at_a_time);
    if (status != OK)
        return status;
    const struct method_init init = {
        .seed = 1, .n_train_classes = w->rows.names.n, .start_tokens = &w->start};
    return method_create(out, "prompt", owner, w->clip, options, &init);
}

tensor *world_loss(scope *s, struct method_output *out, tensor **losses, const struct world *w,
                   const struct method *m, const tensor *index, struct method_trace *trace)
{
    for (size_t i = 0; i < m->trained.n; i++)
        t_clear_grad(s, m->trained.items[i].value);
    method_forward(out, s, m, &w->texts, t_index_select(s, w->pixels, 0, index), trace);
    if (m->trained.n == 0)
        return NULL;
    return method_loss(losses, s, m, out, t_index_select(s, w->labels, 0, index));
}

void world_pass(tensor **logits, tensor **losses, scope *s, const struct world *w, const struct method *m,
                const tensor *index, struct method_trace *trace)
{
    struct method_output out;
    tensor *terms[METHOD_MAX_ITERATIONS] = {NULL};
    tensor *loss = world_loss(s, &out, terms, w, m, index, trace);
    *logits = t_stack(s, (const tensor *const *)out.logits, (size_t)out.n_iterations + 1, 0);
    *losses = NULL;
    if (loss) {
        *losses = t_stack(s, (const tensor *const *)terms, (size_t)out.n_iterations, 0);
        MUST(method_backward(&out, s, loss));
    }
    method_output_free(&out);
}
