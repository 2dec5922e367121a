/*
 * The configurations that lie beside a file of weights: Hugging Face's config.json, open_clip's
 * open_clip_config.json.
 *
 * A value that the library leaves out has the library's documented default. A configuration that contradicts
 * the tensors is an error: it is another model's.
 */
#include "weights_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/str.h"

/* ---------------------------------------------------------------- reading members, with file and line */

static int at_member(const struct json_doc *doc, const struct json *value)
{
    return error_context("%s:%zu: '%s'", json_name(doc), json_line(doc, value), json_key(value));
}

/* A missing or null member leaves `*out` alone. */
static int get_i64(int64_t *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    if (!value || json_type(value) == JSON_NULL)
        return OK;
    return json_i64(out, value) == OK ? OK : at_member(doc, value);
}

static int get_f64(double *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    if (!value || json_type(value) == JSON_NULL)
        return OK;
    return json_f64(out, value) == OK ? OK : at_member(doc, value);
}

static int get_bool(bool *out, const struct json_doc *doc, const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    if (!value || json_type(value) == JSON_NULL)
        return OK;
    return json_bool(out, value) == OK ? OK : at_member(doc, value);
}

/* A size that the configuration may name must be the tensors'. */
static int agree(const struct json_doc *doc, const struct json *object, const char *key, int64_t found)
{
    int64_t said = found;
    int status = get_i64(&said, doc, object, key);
    if (status == OK && said != found)
        return error_set(ERR_FORMAT,
                         "%s:%zu: '%s' is %" PRId64 ", but the tensors say %" PRId64
                         ": is this another model's configuration?",
                         json_name(doc), json_line(doc, json_get(object, key)), key, said, found);
    return status;
}

/* ---------------------------------------------------------------- Hugging Face: config.json */

/* CLIPTextConfig's and CLIPVisionConfig's own defaults: save_pretrained leaves out what equals them. */
static int hugging_face_tower(struct weights_tower_facts *out, const struct json_doc *doc,
                              const struct json *tower, int64_t default_heads)
{
    const char *hidden_act = "quick_gelu";
    out->n_heads = default_heads;
    out->norm_eps = WEIGHTS_USUAL_NORM_EPS;
    const struct json *value = json_get(tower, "hidden_act");
    int status = OK;
    if (value && json_string(&hidden_act, value) != OK)
        status = at_member(doc, value);
    if (status == OK && weights_parse_activation(&out->activation, hidden_act, ERR_FORMAT) != OK)
        status = at_member(doc, value);
    if (status == OK)
        status = get_i64(&out->n_heads, doc, tower, "num_attention_heads");
    if (status == OK)
        status = get_f64(&out->norm_eps, doc, tower, "layer_norm_eps");
    return status;
}

static int hugging_face_config(struct weights_facts *out, const struct json_doc *doc,
                               const struct clip_dims *dims)
{
    const struct json *root = json_root(doc);
    const struct json *type = json_get(root, "model_type");
    const struct json *vision = json_get(root, "vision_config");
    const struct json *text = json_get(root, "text_config");
    const char *type_name = "";
    if (type && json_string(&type_name, type) != OK)
        return at_member(doc, type);
    if (strcmp(type_name, "clip") != 0 || !vision || !text)
        return error_set(ERR_FORMAT,
                         "%s: no configuration of a Hugging Face CLIPModel ('model_type' \"clip\" with "
                         "'vision_config' and 'text_config')",
                         json_name(doc));
    int status = agree(doc, vision, "hidden_size", dims->vision.width);
    if (status == OK)
        status = agree(doc, vision, "num_hidden_layers", dims->vision.n_layers);
    if (status == OK)
        status = agree(doc, vision, "patch_size", dims->patch_px);
    if (status == OK)
        status = agree(doc, vision, "image_size", dims->image_px);
    if (status == OK)
        status = agree(doc, text, "hidden_size", dims->text.width);
    if (status == OK)
        status = agree(doc, text, "num_hidden_layers", dims->text.n_layers);
    if (status == OK)
        status = hugging_face_tower(&out->vision, doc, vision, 12);
    return status == OK ? hugging_face_tower(&out->text, doc, text, 8) : status;
}

/* ---------------------------------------------------------------- open_clip: open_clip_config.json */

/* Settings that change the computation without a trace in the tensors' names; each must have the value of
 * plain CLIP. */
static int refuse_variants(const struct json_doc *doc, const struct json *tower)
{
    static const char *const absent[] = {"timm_model_name", "hf_model_name", "act_kwargs"};
    static const char *const off[] = {"no_ln_pre", "no_causal_mask", "embed_cls", "attentional_pool"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        const struct json *value = json_get(tower, absent[i]);
        if (value && json_type(value) != JSON_NULL)
            return error_set(ERR_FORMAT, "%s:%zu: '%s': only plain CLIP towers are supported", json_name(doc),
                             json_line(doc, value), absent[i]);
    }
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        bool is_on = false;
        int status = get_bool(&is_on, doc, tower, off[i]);
        if (status != OK)
            return status;
        if (is_on)
            return error_set(ERR_FORMAT, "%s:%zu: '%s': only plain CLIP towers are supported", json_name(doc),
                             json_line(doc, json_get(tower, off[i])), off[i]);
    }
    return OK;
}

static int require_pool(const struct json_doc *doc, const struct json *tower, const char *plain)
{
    const struct json *value = json_get(tower, "pool_type");
    const char *pool = plain;
    if (value && json_string(&pool, value) != OK)
        return at_member(doc, value);
    if (strcmp(pool, plain) != 0)
        return error_set(ERR_FORMAT, "%s:%zu: 'pool_type' \"%.40s\": only \"%s\" is supported",
                         json_name(doc), json_line(doc, value), pool, plain);
    return OK;
}

static int open_clip_vision(struct weights_tower_facts *out, const struct json_doc *doc,
                            const struct json *vision, const struct clip_dims *dims)
{
    int64_t head_width = 64; /* open_clip's default */
    out->norm_eps = WEIGHTS_USUAL_NORM_EPS;
    int status = refuse_variants(doc, vision);
    if (status == OK)
        status = require_pool(doc, vision, "tok");
    if (status == OK)
        status = agree(doc, vision, "width", dims->vision.width);
    if (status == OK)
        status = agree(doc, vision, "layers", dims->vision.n_layers);
    if (status == OK)
        status = agree(doc, vision, "patch_size", dims->patch_px);
    if (status == OK)
        status = agree(doc, vision, "image_size", dims->image_px);
    if (status == OK)
        status = get_i64(&head_width, doc, vision, "head_width");
    if (status == OK)
        status = get_f64(&out->norm_eps, doc, json_get(vision, "norm_kwargs"), "eps");
    if (status == OK)
        out->n_heads = head_width > 0 ? dims->vision.width / head_width : 0;
    return status;
}

static int open_clip_text(struct weights_tower_facts *out, const struct json_doc *doc,
                          const struct json *text, const struct clip_dims *dims)
{
    out->n_heads = 8; /* open_clip's default */
    out->norm_eps = WEIGHTS_USUAL_NORM_EPS;
    int status = refuse_variants(doc, text);
    if (status == OK)
        status = require_pool(doc, text, "argmax");
    if (status == OK)
        status = agree(doc, text, "width", dims->text.width);
    if (status == OK)
        status = agree(doc, text, "layers", dims->text.n_layers);
    if (status == OK)
        status = get_i64(&out->n_heads, doc, text, "heads");
    if (status == OK)
        status = get_f64(&out->norm_eps, doc, json_get(text, "norm_kwargs"), "eps");
    return status;
}

static int open_clip_config(struct weights_facts *out, const struct json_doc *doc,
                            const struct clip_dims *dims)
{
    const struct json *model = json_get(json_root(doc), "model_cfg");
    const struct json *vision = json_get(model, "vision_cfg");
    const struct json *text = json_get(model, "text_cfg");
    if (!vision || !text)
        return error_set(ERR_FORMAT, "%s: expected 'model_cfg' with 'vision_cfg' and 'text_cfg'",
                         json_name(doc));
    bool quick_gelu = false; /* open_clip's default */
    int status = get_bool(&quick_gelu, doc, model, "quick_gelu");
    if (status == OK)
        status = open_clip_vision(&out->vision, doc, vision, dims);
    if (status == OK)
        status = open_clip_text(&out->text, doc, text, dims);
    out->vision.activation = quick_gelu ? ACTIVATION_QUICK_GELU : ACTIVATION_GELU;
    out->text.activation = out->vision.activation;
    return status;
}

/* The configuration beside the file, if there is one: the naming library's own first. */
int weights_config_beside(struct weights_facts *out, const struct weights_origin *origin,
                          const struct clip_dims *dims)
{
    static const char *const names[2] = {"open_clip_config.json", "config.json"};
    char *dir = path_dir(origin->path);
    if (!dir)
        return ERR_MEMORY;
    int status = OK;
    for (size_t i = origin->is_hugging_face ? 1 : 0; i < 2; i++) {
        char *path = path_join(dir, names[i]);
        bool is_there = path && file_exists(path);
        struct json_doc *doc = NULL;
        if (!path)
            status = ERR_MEMORY;
        else if (is_there && (status = json_read_file(&doc, path)) == OK)
            status = i == 0 ? open_clip_config(out, doc, dims) : hugging_face_config(out, doc, dims);
        json_free(doc);
        free(path);
        if (status != OK || is_there)
            break;
    }
    free(dir);
    return status;
}
