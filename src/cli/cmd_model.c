/* prompt model init, info, convert: files of CLIP weights. */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd.h"
#include "cmd_print.h"
#include "prompt/base/file.h"
#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "prompt/nn/nn.h"
#include "prompt/report/folder.h"
#include "prompt/run/session.h"
#include "run_open.h"

/* ---------------------------------------------------------------- options */

/* Values that a weights file lacks are given by keys. */
static const struct opt weights_options[] = {
    {"set", "KEY=VALUE", NULL, true,
     "values that the file lacks: model.vision_heads, model.text_heads, model.activation, model.norm_eps"},
    {.name = NULL},
};

static const struct opt init_options[] = {
    {"arch", "NAME", NULL, false, "ViT-B-32, ViT-B-16, ViT-L-14, ViT-L-14-336 or tiny"},
    {"seed", "S", NULL, false, "seed of the random weights (1)"},
    {"gain", "X", NULL, false, "factor on their standard deviations, to spread the features (1: CLIP's own)"},
    {"out", "FILE", NULL, false, "the safetensors file to write"},
    {.name = NULL},
};
static const struct opt_group init_groups[] = {{"Options", init_options}, {.title = NULL}};

static const char init_notes[] = "Examples:\n"
                                 "  prompt model init --arch ViT-B-16 --seed 1 --out random.safetensors\n"
                                 "  prompt model init --arch tiny --gain 4 --out tiny.safetensors";

static const struct opt info_options[] = {
    {"json", NULL, NULL, false, "print JSON"},
    {"no-hash", NULL, NULL, false, "do not read the whole file for its SHA-256 and known name"},
    {.name = NULL},
};
static const struct opt_group info_groups[] = {
    {"Options", info_options}, {"Configuration", weights_options}, {.title = NULL}};

static const char info_notes[] = "Examples:\n"
                                 "  prompt model info ViT-B-16.pt\n"
                                 "  prompt model info models--ORG--NAME --json --no-hash";

static const struct opt convert_options[] = {
    {"out", "FILE", NULL, false, "the safetensors file to write"},
    {.name = NULL},
};
static const struct opt_group convert_groups[] = {
    {"Options", convert_options}, {"Configuration", weights_options}, {.title = NULL}};

static const char convert_notes[] = "Examples:\n"
                                    "  prompt model convert ViT-B-16.pt --out vitb16.safetensors\n"
                                    "  prompt model convert runs/lora --out adapted.safetensors";

/* ---------------------------------------------------------------- shared */

/* Opens the command's FILE; --set model.* gives values that the file lacks. */
static int open_weights(struct weights **out, const struct opt_values *v)
{
    *out = NULL;
    struct config c = {0};
    int status = opt_resolve(&c, v, NULL);
    if (status == OK) {
        const struct weights_options options = session_weights_options(&c);
        status = weights_open(out, NULL, v->operand, &options);
    }
    config_free(&c);
    return status;
}

static int require_out(const struct opt_values *v)
{
    if (!opt_text(v, "out"))
        return error_set(ERR_USAGE, "no file to write is given: pass --out FILE");
    return OK;
}

/* "1234567" -> "1,234,567" */
static void append_grouped(struct str *out, int64_t n)
{
    if (n >= 1000)
        append_grouped(out, n / 1000);
    if (n >= 1000)
        str_appendf(out, ",%03" PRId64, n % 1000);
    else
        str_appendf(out, "%" PRId64, n);
}

/* Marks the element types of the tensors. */
static void find_dtypes(bool found[DTYPE_BOOL + 1], const struct weights *w)
{
    for (size_t i = 0; i < w->tensors.n; i++)
        found[t_dtype(w->tensors.items[i].value)] = true;
}

/* ---------------------------------------------------------------- info */

static void append_tower_text(struct str *out, const char *title, const struct tower_dims *t)
{
    str_appendf(
        out, "%-14s%" PRId64 " layers, width %" PRId64 ", %" PRId64 " heads, MLP %" PRId64 ", %s, epsilon ",
        title, t->n_layers, t->width, t->n_heads, t->mlp_width, activation_names[t->activation]);
    json_write_f64(out, t->norm_eps);
}

/* Words of the file's own vocabulary, one a line. */
static size_t count_words(const struct weights *w)
{
    size_t n = 1;
    for (const char *c = w->words; *c; c++)
        n += *c == '\n';
    return n;
}

static void append_text(struct str *out, const struct weights *w)
{
    const struct clip_dims *d = &w->dims;
    bool has_dtype[DTYPE_BOOL + 1] = {false};
    find_dtypes(has_dtype, w);
    str_appendf(out, "architecture  %s", weights_arch_of(d));
    if (w->known_name)
        str_appendf(out, " (OpenAI's published %s)", w->known_name);
    str_append(out, "\nparameters    ");
    append_grouped(out, params_numel(&w->tensors));
    const char *separator = " in ";
    for (int i = 0; i <= DTYPE_BOOL; i++) {
        if (has_dtype[i]) {
            str_appendf(out, "%s%s", separator, dtype_name((enum dtype)i));
            separator = " and ";
        }
    }
    str_append(out, "\n");
    append_tower_text(out, "image", &d->vision);
    str_appendf(out, "\n              images of %" PRId64 " px in patches of %" PRId64 " px\n", d->image_px,
                d->patch_px);
    str_append(out, "              ");
    preprocess_describe(out, &w->preprocess);
    str_append(out, "\n");
    append_tower_text(out, "text", &d->text);
    str_appendf(out, "\n              context %" PRId64 ", vocabulary %" PRId64, d->context_length,
                d->vocab_size);
    if (w->words)
        str_appendf(out, " (the file's own, of %zu words)", count_words(w));
    str_append(out, "\n");
    str_appendf(out, "joint width   %" PRId64 "\n", d->embed_dim);
    str_appendf(out, "format        %s\nfile          %s\n", weights_format_names[w->format], w->path);
    if (w->shards.n > 0)
        str_appendf(out, "shards        %zu\n", w->shards.n);
    if (w->prefix && w->prefix[0] != '\0')
        str_appendf(out, "prefix        '%s' before all names\n", w->prefix);
    for (size_t i = 0; i < w->notes.n; i++)
        str_appendf(out, "note          %s\n", w->notes.items[i]);
    if (w->sha256[0] != '\0')
        str_appendf(out, "SHA-256       %s\n", w->sha256);
    for (size_t i = 0; i < w->accepted.n; i++)
        str_appendf(out, "accepted      '%s', unknown here (model.accept_unknown)\n", w->accepted.items[i]);
}

/* Leaves the object open for what one tower alone has. */
static void append_tower_json(struct str *out, const char *name, const struct tower_dims *t)
{
    json_open(out, name, '{');
    json_put_i64(out, "layers", t->n_layers);
    json_put_i64(out, "width", t->width);
    json_put_i64(out, "heads", t->n_heads);
    json_put_i64(out, "mlp_width", t->mlp_width);
    json_put_string(out, "activation", activation_names[t->activation]);
    json_put_f64(out, "norm_eps", t->norm_eps);
}

static void append_preprocess_json(struct str *out, const struct preprocess *p)
{
    const double fill[3] = {(double)p->fill[0], (double)p->fill[1], (double)p->fill[2]};
    json_open(out, "preprocess", '{');
    json_put_string(out, "resize_mode", resize_mode_names[p->resize_mode]);
    json_put_i64(out, "resize_px", p->resize_px);
    json_put_string(out, "interpolation", interpolation_names[p->interpolation]);
    json_put_f64s(out, "mean", p->mean, 3);
    json_put_f64s(out, "std", p->std, 3);
    json_put_f64s(out, "fill_color", fill, 3);
    json_put_f64(out, "rescale_factor", p->scale);
    json_close(out, '}');
}

static void append_json(struct str *out, const struct weights *w)
{
    const struct clip_dims *d = &w->dims;
    bool has_dtype[DTYPE_BOOL + 1] = {false};
    find_dtypes(has_dtype, w);
    json_open(out, NULL, '{');
    json_put_string(out, "architecture", weights_arch_of(d));
    json_put_i64(out, "parameters", params_numel(&w->tensors));
    json_open(out, "dtypes", '[');
    for (int i = 0; i <= DTYPE_BOOL; i++)
        if (has_dtype[i])
            json_put_string(out, NULL, dtype_name((enum dtype)i));
    json_close(out, ']');
    append_tower_json(out, "vision", &d->vision);
    json_put_i64(out, "image_px", d->image_px);
    json_put_i64(out, "patch_px", d->patch_px);
    json_close(out, '}');
    append_tower_json(out, "text", &d->text);
    json_put_i64(out, "context_length", d->context_length);
    json_put_i64(out, "vocab_size", d->vocab_size);
    json_close(out, '}');
    json_put_i64(out, "embed_dim", d->embed_dim);
    append_preprocess_json(out, &w->preprocess);
    json_put_string(out, "format", weights_format_names[w->format]);
    json_put_string(out, "path", w->path);
    json_put_string(out, "sha256", w->sha256[0] != '\0' ? w->sha256 : NULL);
    json_put_string(out, "known_name", w->known_name);
    json_put_string(out, "prefix", w->prefix && w->prefix[0] != '\0' ? w->prefix : NULL);
    json_put_i64(out, "shards", (int64_t)w->shards.n);
    json_put_strings(out, "notes", &w->notes);
    json_put_strings(out, "accepted_unknown", &w->accepted);
    if (w->words)
        json_put_i64(out, "words", (int64_t)count_words(w));
    str_append(out, "}\n");
}

static int cmd_model_info(const struct opt_values *v)
{
    struct weights *w = NULL;
    struct str text = {0};
    int status = open_weights(&w, v);
    if (status == OK && !opt_given(v, "no-hash"))
        status = weights_hash(w);
    if (status == OK) {
        if (opt_given(v, "json"))
            append_json(&text, w);
        else
            append_text(&text, w);
        status = cmd_print(&text);
    }
    str_free(&text);
    weights_close(w);
    return status;
}

/* ---------------------------------------------------------------- init, convert */

static int cmd_model_init(const struct opt_values *v)
{
    int64_t seed = 1;
    double gain = 1.0;
    int status = require_out(v);
    if (status == OK && !opt_text(v, "arch"))
        status = error_set(ERR_USAGE, "no architecture is given: pass --arch NAME (ViT-B-16, say)");
    if (status == OK && (status = opt_i64(&seed, v, "seed", 0, INT64_MAX)) == OK)
        status = opt_f64(&gain, v, "gain", 0.0, 1000.0);
    struct weights *w = NULL;
    if (status == OK && (status = weights_init(&w, NULL, opt_text(v, "arch"), (uint64_t)seed, gain)) == OK)
        status = weights_save(w, opt_text(v, "out"));
    weights_close(w);
    return status;
}

/* Whether the command's FILE is a run, by its folder or its checkpoint. */
static int find_run(bool *out, const char *file)
{
    char *inside = path_join(file, RUN_CHECKPOINT_FILE);
    *out = inside && (str_ends_with(file, RUN_CHECKPOINT_FILE) || file_exists(inside));
    free(inside);
    return inside ? OK : ERR_MEMORY;
}

/* The model of a run, with what the run has trained merged into its weights, computed on the CPU in fp32. */
static int convert_run(const struct opt_values *v)
{
    struct open_run r = {.v = v, .run = v->operand};
    log_init(&r.log, false);
    int status = OK;
    if ((status = run_open_resolve(&r)) == OK &&
        (status = config_set_key(&r.config, "device", "cpu")) == OK &&
        (status = config_set_key(&r.config, "precision", "fp32")) == OK &&
        (status = session_open(&r.session, &r.config, &r.log, NULL)) == OK &&
        (status = run_open_model(&r)) == OK &&
        (status = run_open_method(&r, 0, "the weights are those of an unfinished training")) == OK &&
        (status = method_merge(r.method, r.session->weights)) == OK)
        status = weights_save(r.session->weights, opt_text(v, "out"));
    if (status == OK && r.config.method == METHOD_TWO_STAGE)
        log_info(&r.log,
                 "note: the classifier of the run's second stage is not among CLIP's weights; classes are "
                 "told apart by their captions alone");
    run_open_close(&r);
    return status;
}

static int cmd_model_convert(const struct opt_values *v)
{
    struct weights *w = NULL;
    bool is_run = false;
    int status = OK;
    if ((status = require_out(v)) == OK && (status = find_run(&is_run, v->operand)) == OK && is_run)
        return convert_run(v);
    if (status == OK && (status = open_weights(&w, v)) == OK)
        status = weights_save(w, opt_text(v, "out"));
    weights_close(w);
    return status;
}

const struct command command_model_init = {
    "model",        "init",      NULL,
    cmd_model_init, init_groups, "write a randomly initialized CLIP, for tests and benchmarks",
    init_notes};

const struct command command_model_info = {
    "model",        "info",      "FILE",
    cmd_model_info, info_groups, "show the architecture, parameters and origin of CLIP weights",
    info_notes};

const struct command command_model_convert = {
    "model",
    "convert",
    "FILE",
    cmd_model_convert,
    convert_groups,
    "write CLIP weights, or those of a run of clip_lora or two_stage, as safetensors with OpenAI's names",
    convert_notes};
