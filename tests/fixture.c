/* The recorded small CLIP, from its files to the program's structures. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "prompt/base/rng.h"
#include "prompt/config/config.h"
#include "prompt/data/dataset_open.h"
#include "prompt/run/session.h"
#include "prompt/text/merges_find.h"

_Noreturn void fixture_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, error_message());
    exit(1);
}

struct device fixture_device(void)
{
    const char *name = getenv("PROMPT_TEST_DEVICE");
    struct device device = {DEVICE_CPU, 0};
    if (name && strcmp(name, "cuda") == 0 && device_count_cuda() == 0) {
        puts("skipped: no CUDA device");
        exit(77);
    }
    if (name)
        MUST(device_parse(&device, name));
    return device;
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
static struct token_rows read_names(const struct json *names, int64_t end)
{
    struct token_rows rows = {.n = (int64_t)json_size(names)};
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

static int64_t *read_lengths(const struct json *lengths)
{
    struct tokens t = read_ids(lengths);
    return t.ids;
}

struct token_rows fixture_read_captions(scope *s, const tensor *captions, int64_t end)
{
    struct token_rows rows = {.n = t_size(captions, 0), .n_tokens = t_size(captions, 1)};
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
        fixture_die("path_join");
    return path;
}

int64_t fixture_images_at_a_time(const struct clip *c, int64_t on_cpu)
{
    const bool is_cpu = c->device.kind == DEVICE_CPU;
    return is_cpu ? on_cpu : on_cpu * CLIP_TEXT_CHUNK_ROWS_CUDA / CLIP_TEXT_CHUNK_ROWS;
}

void fixture_open(struct fixture *w, const char *dir, struct clip_dtypes dtypes, enum encoder encoder)
{
    *w = (struct fixture){.scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    char *cases = in_dir(dir, "cases.json"), *model = in_dir(dir, "model.safetensors"),
         *arrays = in_dir(dir, "world.safetensors");
    MUST(json_read_file(&w->doc, cases));
    MUST(weights_open(&w->weights, w->scope, model, NULL));
    MUST(clip_create(&w->clip, w->scope, w->weights, fixture_device(), dtypes, encoder));
    MUST(clip_prepare(w->clip)); /* so that no test leaves packed tensors */
    w->images_at_a_time = fixture_images_at_a_time(w->clip, 128);
    MUST(safetensors_open(&w->file, w->scope, arrays));
    w->pixels = t_to_device(w->scope, params_find(&w->file->tensors, "pixels"), w->clip->device);
    w->labels = t_to_device(w->scope, params_find(&w->file->tensors, "labels"), w->clip->device);

    const struct json *root = json_root(w->doc), *sgd = json_get(root, "sgd");
    const int64_t end = (int64_t)number(root, "eot_id");
    w->names = read_names(json_get(root, "names"), end);
    w->name_lengths = read_lengths(json_get(root, "name_lengths"));
    w->captions = fixture_read_captions(w->scope, params_find(&w->file->tensors, "captions"), end);
    w->start = read_ids(json_get(root, "template"));
    w->lr = number(sgd, "lr");
    w->momentum = number(sgd, "momentum");
    w->weight_decay = number(sgd, "weight_decay");
    free(cases);
    free(model);
    free(arrays);
}

/* Names and start tokens of the classes, with CLIP's tokenizer. */
static void read_classes(struct fixture *w, const struct config *c, const struct dataset *d,
                         const char *model)
{
    char *merges = NULL;
    struct tokenizer *t = NULL;
    int64_t first = 0, n = 0;
    const struct method_options options = session_method_options(c);
    class_subset_range(&first, &n, CLASS_SUBSET_BASE, d->n_classes);
    MUST(merges_find_file(&merges, c->model_merges, model, c->data_root));
    MUST(tokenizer_open(&t, merges));
    MUST(prompt_start_tokens(&w->start, t));
    const struct text_form form = method_text_form(&options);
    const int64_t context = w->clip->dims.context_length;
    MUST(caption_rows_create(&w->captions, t, d->class_names + first, n, c->zero_shot_template, context));
    MUST(prompt_rows_create(&w->names, t, d->class_names + first, n, &form, context));
    tokenizer_free(t);
    free(merges);
}

static void make_images(struct fixture *w)
{
    enum { M = 8 };
    const int64_t S = w->clip->dims.image_px, n = M * 3 * S * S;
    float *pixels = malloc((size_t)n * sizeof *pixels);
    int64_t labels[M];
    struct rng rng;
    rng_init(&rng, 1, RNG_INIT, 0, 0);
    for (int64_t i = 0; i < n; i++)
        pixels[i] = (float)rng_normal(&rng);
    for (int64_t i = 0; i < M; i++)
        labels[i] = i * 7919 % w->names.n;
    w->pixels = t_from_f32(w->scope, pixels, SHAPE(M, 3, S, S), w->clip->dtypes.accum, w->clip->device);
    w->labels = t_from_i64(w->scope, labels, SHAPE(M), w->clip->device);
    free(pixels);
}

void fixture_open_model(struct fixture *w, const char *model, const char *data_root,
                        struct clip_dtypes dtypes, enum encoder encoder)
{
    struct config c;
    struct dataset *d = NULL;
    *w = (struct fixture){.scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    MUST(config_init(&c));
    MUST(config_set_key(&c, "data.root", data_root));
    const struct dataset_options options = config_dataset_options(&c, "caltech101");
    MUST(dataset_open(&d, &options));
    MUST(weights_open(&w->weights, w->scope, model, NULL));
    MUST(clip_create(&w->clip, w->scope, w->weights, fixture_device(), dtypes, encoder));
    w->images_at_a_time = fixture_images_at_a_time(w->clip, 128);
    read_classes(w, &c, d, model);
    make_images(w);
    w->lr = c.lr;
    w->momentum = c.momentum;
    w->weight_decay = c.weight_decay;
    dataset_free(d);
    config_free(&c);
}

void fixture_take_model(struct fixture *w, const struct clip_dims *dims, struct clip_dtypes dtypes,
                        enum encoder encoder)
{
    struct clip_dims own = *dims;
    own.vocab_size = w->weights->dims.vocab_size;
    clip_free(w->clip);
    weights_close(w->weights);
    MUST(weights_init_dims(&w->weights, w->scope, &own, 1, 2.0));
    MUST(clip_create(&w->clip, w->scope, w->weights, fixture_device(), dtypes, encoder));
    make_images(w);
}

void fixture_close(struct fixture *w)
{
    class_texts_free(&w->texts);
    token_rows_free(&w->whole);
    token_rows_free(&w->captions);
    token_rows_free(&w->names);
    free(w->name_lengths);
    tokens_free(&w->start);
    clip_free(w->clip);
    weights_close(w->weights);
    MUST(scope_close(w->scope));
    safetensors_close(w->file);
    json_free(w->doc);
}

/* ---------------------------------------------------------------- method */

const struct json *fixture_defaults(const struct fixture *w)
{
    return w->doc ? json_get(json_root(w->doc), "defaults") : NULL;
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

struct method_options fixture_options(const struct json *keys, const char *const *changes)
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

/* The rows with the last n words of the start before each name. */
static int rows_with_words(struct token_rows *out, const struct token_rows *names, const struct tokens *start,
                           int64_t n)
{
    int status = token_rows_create(out, names->n, n + names->n_tokens);
    for (int64_t k = 0; status == OK && k < names->n; k++) {
        int64_t *row = out->ids + k * out->n_tokens;
        memcpy(row, start->ids + start->n - (size_t)n, (size_t)n * sizeof *row);
        memcpy(row + n, names->ids + k * names->n_tokens, (size_t)names->n_tokens * sizeof *row);
        out->ends[k] = n + names->ends[k];
    }
    return status;
}

/* The frozen CLIP's text features that the method agrees with. */
static const tensor *make_teacher(scope *owner, const struct fixture *w, const struct method_options *options,
                                  const tensor *captions)
{
    if (options->regularization.templates != AGREEMENT_SOURCE_PROMPTSRC)
        return captions;
    const tensor *ensemble = params_find(&w->file->tensors, "ensemble_captions");
    struct token_rows rows[8];
    const int64_t n = t_size(ensemble, 0), end = w->names.ids[w->names.ends[0]];
    for (int64_t i = 0; i < n; i++)
        rows[i] = fixture_read_captions(owner, t_select(owner, ensemble, 0, i), end);
    const tensor *teacher = clip_encode_captions(owner, w->clip, rows, (size_t)n, TEMPLATE_MEAN_RAW);
    for (int64_t i = 0; i < n; i++)
        token_rows_free(&rows[i]);
    return teacher;
}

int fixture_method(struct method **out, struct fixture *w, scope *owner, const struct method_options *options)
{
    class_texts_free(&w->texts);
    token_rows_free(&w->whole);
    const struct text_form form = method_text_form(options);
    const bool is_whole = text_form_is_whole(&form);
    int status = OK;
    if (is_whole)
        status = learned_rows_create(&w->whole, &w->names, w->name_lengths, &form, w->start.ids[0]);
    else if (form.n_words > 0)
        status = rows_with_words(&w->whole, &w->names, &w->start, form.n_words);
    const struct token_rows *rows = w->whole.n > 0 ? &w->whole : form.is_caption ? &w->captions : &w->names;
    w->captions.is_separate = form.is_separate;
    const tensor *captions = clip_encode_captions(owner, w->clip, &w->captions, 1, TEMPLATE_MEAN_NORMALIZED);
    if (status == OK && (status = scope_status(owner)) == OK)
        status = class_texts_create(&w->texts, owner, w->clip, rows, is_whole ? 0 : form.n_before,
                                    w->images_at_a_time, captions);
    if (status != OK)
        return status;
    w->texts.teacher = make_teacher(owner, w, options, captions);
    const struct method_init init = {.seed = 1, .n_train_classes = w->names.n, .start_tokens = &w->start};
    return method_create(out, owner, w->clip, options, &init);
}

tensor *fixture_loss(scope *s, struct method_output *out, struct method_losses *losses,
                     const struct fixture *w, const struct method *m, const tensor *index,
                     struct method_trace *trace)
{
    index = t_to_device(s, index, w->clip->device);
    for (size_t i = 0; i < m->trained.n; i++)
        t_clear_grad(s, m->trained.items[i].value);
    method_forward(out, s, m,
                   &(struct method_inputs){.classes = &w->texts,
                                           .pixels = t_index_select(s, w->pixels, 0, index),
                                           .trace = trace,
                                           .step = w->step});
    if (m->trained.n == 0)
        return NULL;
    const struct method_losses all = method_loss(s, m, out, t_index_select(s, w->labels, 0, index));
    if (losses)
        *losses = all;
    return all.total;
}

void fixture_pass(tensor **logits, tensor **losses, scope *s, const struct fixture *w, const struct method *m,
                  const tensor *index, struct method_trace *trace)
{
    struct method_output out;
    struct method_losses terms = {.total = NULL};
    tensor *loss = fixture_loss(s, &out, &terms, w, m, index, trace);
    *logits = t_stack(s, (const tensor *const *)out.logits, (size_t)out.n_iterations + 1, 0);
    *losses = NULL;
    if (loss) {
        *losses = t_stack(s, (const tensor *const *)terms.cross_entropy, (size_t)out.n_iterations, 0);
        MUST(method_backward(&out, s, loss));
    }
    method_output_free(&out);
}
