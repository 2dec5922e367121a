/*
 * open_clip's open_clip_config.json. The tables list every field of open_clip 3.3's CLIPVisionCfg and
 * CLIPTextCfg, and those of earlier releases; a missing value has the library's default.
 */
#include <inttypes.h>
#include <string.h>

#include "facts.h"
#include "members.h"
#include "open_clip.h"

static const char MODEL[] = "model_cfg.", VISION[] = "model_cfg.vision_cfg.", TEXT[] = "model_cfg.text_cfg.";

static const struct member root_members[] = {
    {"model_cfg", MEMBER_READ, 0}, {"preprocess_cfg", MEMBER_READ, 0}, {0}};

static const struct member model_members[] = {
    {"embed_dim", MEMBER_READ, 0},
    {"vision_cfg", MEMBER_READ, 0},
    {"text_cfg", MEMBER_READ, 0},
    {"quick_gelu", MEMBER_READ, 0},
    {"custom_text", MEMBER_HARMLESS, 0},           /* the text tower's position among the modules */
    {"init_logit_scale", MEMBER_HARMLESS, 0},      /* the tensor has its trained value */
    {"init_logit_bias", MEMBER_HARMLESS, 0},       /* the same for all classes */
    {"nonscalar_logit_scale", MEMBER_HARMLESS, 0}, /* a shape of one number */
    {"output_dict", MEMBER_HARMLESS, 0},
    {"cast_dtype", MEMBER_HARMLESS, 0},
    {"multimodal_cfg", MEMBER_OFF, 0}, /* CoCa */
    {0},
};

/* Members of both towers. */
static const struct member tower_members[] = {
    {"layers", MEMBER_READ, 0},
    {"width", MEMBER_READ, 0},
    {"mlp_ratio", MEMBER_READ, 0},
    {"norm_kwargs", MEMBER_READ, 0},
    {"act_kwargs", MEMBER_OFF, 0},
    {"ls_init_value", MEMBER_OFF, 0},
    {"final_ln_after_pool", MEMBER_HARMLESS, 0}, /* for one token, before and after are the same */
    {"output_tokens", MEMBER_OFF, 0},
    {"block_type", MEMBER_IS, "default"},
    {"qk_norm", MEMBER_OFF, 0},
    {"scaled_cosine_attn", MEMBER_OFF, 0},
    {"scale_heads", MEMBER_OFF, 0},
    {"scale_attn_inner", MEMBER_OFF, 0},
    {"scale_attn", MEMBER_OFF, 0},
    {"scale_fc", MEMBER_OFF, 0},
    {0},
};

static const struct member vision_members[] = {
    {"head_width", MEMBER_READ, 0},
    {"patch_size", MEMBER_READ, 0},
    {"image_size", MEMBER_READ, 0},
    {"patch_dropout", MEMBER_HARMLESS, 0}, /* only in open_clip's training */
    {"attentional_pool", MEMBER_OFF, 0},
    {"attn_pooler_queries", MEMBER_HARMLESS, 0}, /* of an attentional pool */
    {"attn_pooler_heads", MEMBER_HARMLESS, 0},
    {"n_queries", MEMBER_HARMLESS, 0}, /* their name in earlier releases */
    {"no_ln_pre", MEMBER_OFF, 0},
    {"input_patchnorm", MEMBER_OFF, 0},
    {"global_average_pool", MEMBER_OFF, 0},
    {"pos_embed_type", MEMBER_IS, "learnable"},
    {"pool_type", MEMBER_IS, "tok"},
    {"timm_model_name", MEMBER_OFF, 0},
    {"timm_model_pretrained", MEMBER_HARMLESS, 0}, /* of a timm model */
    {"timm_pool", MEMBER_HARMLESS, 0},
    {"timm_proj", MEMBER_HARMLESS, 0},
    {"timm_proj_bias", MEMBER_HARMLESS, 0},
    {"timm_drop", MEMBER_HARMLESS, 0},
    {"timm_drop_path", MEMBER_HARMLESS, 0},
    {0},
};

static const struct member text_members[] = {
    {"context_length", MEMBER_READ, 0},
    {"vocab_size", MEMBER_READ, 0},
    {"heads", MEMBER_READ, 0},
    {"pool_type", MEMBER_READ, 0},
    {"eos_id", MEMBER_READ, 0},
    {"tokenizer_kwargs", MEMBER_READ, 0},
    {"hf_tokenizer_name", MEMBER_OFF, 0},
    {"tokenizer_mode", MEMBER_OFF, 0},
    {"embed_cls", MEMBER_OFF, 0},
    {"pad_id", MEMBER_HARMLESS, 0}, /* after the end token, never read */
    {"no_causal_mask", MEMBER_OFF, 0},
    {"proj_bias", MEMBER_OFF, 0},
    {"proj_type", MEMBER_IS, "linear"},
    {"proj", MEMBER_OFF, 0}, /* of Hugging Face's text models, in earlier releases */
    {"pooler_type", MEMBER_OFF, 0},
    {"hf_model_name", MEMBER_OFF, 0},
    {"hf_model_pretrained", MEMBER_HARMLESS, 0}, /* of such a model */
    {"hf_proj_type", MEMBER_HARMLESS, 0},
    {"hf_pooler_type", MEMBER_HARMLESS, 0},
    {0},
};

static const struct member norm_members[] = {{"eps", MEMBER_READ, 0}, {0}};
/* open_clip's SimpleTokenizer with its defaults */
static const struct member tokenizer_members[] = {{"clean", MEMBER_IS, "lower"},
                                                  {"context_length", MEMBER_READ, 0},
                                                  {"reduction_mask", MEMBER_OFF, 0},
                                                  {0}};

/* The width inside the MLP is int(width * mlp_ratio). */
static int mlp_agrees(const struct weights_document *d, const struct json *tower,
                      const struct tower_dims *dims)
{
    double ratio = 4.0; /* open_clip's default */
    int status = member_default_agrees(d, tower, "mlp_ratio", 4 * dims->width, dims->mlp_width);
    if (status == OK)
        status = member_f64(&ratio, d, tower, "mlp_ratio");
    if (status == OK && (int64_t)((double)dims->width * ratio) != dims->mlp_width)
        status = member_refuse(d, json_get(tower, "mlp_ratio"),
                               "the tensors have another: is this another model's configuration?");
    return status;
}

static int read_tower(struct weights_tower_facts *out, const struct weights_document *d,
                      const struct json *tower, const char *path, const struct member *own,
                      const struct tower_dims *dims)
{
    const struct json *norm = member_get(tower, "norm_kwargs");
    out->norm_eps = WEIGHTS_USUAL_NORM_EPS;
    int status = OK;
    if ((status = members_check(d, tower, path, own, tower_members)) == OK &&
        (status = member_agrees(d, tower, "width", dims->width)) == OK &&
        (status = member_agrees(d, tower, "layers", dims->n_layers)) == OK &&
        (status = mlp_agrees(d, tower, dims)) == OK)
        status = members_check(d, norm, "norm_kwargs.", norm_members, NULL);
    return status == OK ? member_f64(&out->norm_eps, d, norm, "eps") : status;
}

static int read_vision(struct weights_tower_facts *out, const struct weights_document *d,
                       const struct json *vision, const struct clip_dims *dims)
{
    int64_t head_width = 64; /* open_clip's default */
    int status = OK;
    if ((status = read_tower(out, d, vision, VISION, vision_members, &dims->vision)) == OK &&
        (status = member_side_agrees(d, vision, "patch_size", dims->patch_px)) == OK)
        status = member_side_agrees(d, vision, "image_size", dims->image_px);
    if (status == OK) /* open_clip would resize the positions to 224 pixels */
        status = member_default_agrees(d, vision, "image_size", 224, dims->image_px);
    if (status == OK)
        status = member_i64(&head_width, d, vision, "head_width");
    if (status == OK)
        out->n_heads = head_width > 0 ? dims->vision.width / head_width : 0;
    return status;
}

/* "argmax" takes the features of the highest id, CLIP's end token; "eos" those of the first `eos_id`, which
 * must be the same. */
static int check_pool(const struct weights_document *d, const struct json *text, const struct clip_dims *dims)
{
    const char *pool = "argmax";
    int64_t end = 2; /* open_clip's default */
    int status = member_text(&pool, d, text, "pool_type");
    if (status == OK)
        status = member_i64(&end, d, text, "eos_id");
    if (status != OK || strcmp(pool, "argmax") == 0)
        return status;
    if (strcmp(pool, "eos") != 0)
        return json_error(d->doc, json_get(text, "pool_type"),
                          "'pool_type' \"%.40s\": only \"argmax\" and \"eos\" are supported", pool);
    if (end == dims->vocab_size - 1)
        return OK;
    const struct json *said = member_get(text, "eos_id");
    return json_error(d->doc, said ? said : json_get(text, "pool_type"),
                      "'eos_id' is %" PRId64 "%s, but 'pool_type' \"eos\" needs the end token's, %" PRId64,
                      end, said ? "" : " by default", dims->vocab_size - 1);
}

static int read_text(struct weights_tower_facts *out, const struct weights_document *d,
                     const struct json *text, const struct clip_dims *dims)
{
    const struct json *tokenizer = member_get(text, "tokenizer_kwargs");
    out->n_heads = 8; /* open_clip's default */
    int status = OK;
    if ((status = read_tower(out, d, text, TEXT, text_members, &dims->text)) == OK &&
        (status = member_agrees(d, text, "context_length", dims->context_length)) == OK &&
        (status = member_default_agrees(d, text, "context_length", 77, dims->context_length)) == OK &&
        (status = member_agrees(d, text, "vocab_size", dims->vocab_size)) == OK &&
        (status = member_i64(&out->n_heads, d, text, "heads")) == OK &&
        (status = members_check(d, tokenizer, "tokenizer_kwargs.", tokenizer_members, NULL)) == OK)
        status = member_agrees(d, tokenizer, "context_length", dims->context_length);
    return status == OK ? check_pool(d, text, dims) : status;
}

int weights_open_clip_towers(struct weights_facts *out, const struct weights_document *d,
                             const struct clip_dims *dims)
{
    const struct json *model = json_get(json_root(d->doc), "model_cfg");
    const struct json *vision = json_get(model, "vision_cfg");
    const struct json *text = json_get(model, "text_cfg");
    if (!vision || !text)
        return error_set(ERR_FORMAT, "%s: expected 'model_cfg' with 'vision_cfg' and 'text_cfg'",
                         json_name(d->doc));
    bool quick_gelu = false; /* open_clip's default */
    int status = OK;
    if ((status = members_check(d, json_root(d->doc), "", root_members, NULL)) == OK &&
        (status = members_check(d, model, MODEL, model_members, NULL)) == OK &&
        (status = member_agrees(d, model, "embed_dim", dims->embed_dim)) == OK &&
        (status = member_bool(&quick_gelu, d, model, "quick_gelu")) == OK &&
        (status = read_vision(&out->vision, d, vision, dims)) == OK)
        status = read_text(&out->text, d, text, dims);
    out->vision.activation = quick_gelu ? ACTIVATION_QUICK_GELU : ACTIVATION_GELU;
    out->text.activation = out->vision.activation;
    return status;
}
