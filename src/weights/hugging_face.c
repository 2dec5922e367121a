/*
 * Hugging Face's config.json. The tables list every member that transformers 4 and 5 write into a CLIPConfig
 * and its towers: CLIP's own, and those of every model's configuration.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "hugging_face.h"
#include "members.h"

/* Members of every model, for generation, training, labels or the library's interface. CLIP's encoders read
 * none of them. */
static const struct member common_members[] = {
    {"_commit_hash", MEMBER_HARMLESS, 0},
    {"_name_or_path", MEMBER_HARMLESS, 0},
    {"_attn_implementation", MEMBER_HARMLESS, 0},
    {"_attn_implementation_autoset", MEMBER_HARMLESS, 0},
    {"_attn_implementation_internal", MEMBER_HARMLESS, 0},
    {"architectures", MEMBER_HARMLESS, 0},
    {"attn_implementation", MEMBER_HARMLESS, 0},
    {"bad_words_ids", MEMBER_HARMLESS, 0},
    {"begin_suppress_tokens", MEMBER_HARMLESS, 0},
    {"bos_token_id", MEMBER_HARMLESS, 0},
    {"chunk_size_feed_forward", MEMBER_HARMLESS, 0},
    {"cross_attention_hidden_size", MEMBER_HARMLESS, 0},
    {"decoder_start_token_id", MEMBER_HARMLESS, 0},
    {"diversity_penalty", MEMBER_HARMLESS, 0},
    {"do_sample", MEMBER_HARMLESS, 0},
    {"dtype", MEMBER_HARMLESS, 0},
    {"early_stopping", MEMBER_HARMLESS, 0},
    {"encoder_no_repeat_ngram_size", MEMBER_HARMLESS, 0},
    {"exponential_decay_length_penalty", MEMBER_HARMLESS, 0},
    {"finetuning_task", MEMBER_HARMLESS, 0},
    {"forced_bos_token_id", MEMBER_HARMLESS, 0},
    {"forced_eos_token_id", MEMBER_HARMLESS, 0},
    {"gradient_checkpointing", MEMBER_HARMLESS, 0},
    {"id2label", MEMBER_HARMLESS, 0},
    {"initializer_factor", MEMBER_HARMLESS, 0},
    {"initializer_range", MEMBER_HARMLESS, 0},
    {"is_composition", MEMBER_HARMLESS, 0},
    {"is_decoder", MEMBER_OFF, 0},
    {"is_encoder_decoder", MEMBER_OFF, 0},
    {"add_cross_attention", MEMBER_OFF, 0},
    {"label2id", MEMBER_HARMLESS, 0},
    {"length_penalty", MEMBER_HARMLESS, 0},
    {"max_length", MEMBER_HARMLESS, 0},
    {"min_length", MEMBER_HARMLESS, 0},
    {"no_repeat_ngram_size", MEMBER_HARMLESS, 0},
    {"num_beam_groups", MEMBER_HARMLESS, 0},
    {"num_beams", MEMBER_HARMLESS, 0},
    {"num_return_sequences", MEMBER_HARMLESS, 0},
    {"output_attentions", MEMBER_HARMLESS, 0},
    {"output_hidden_states", MEMBER_HARMLESS, 0},
    {"output_scores", MEMBER_HARMLESS, 0},
    {"pad_token_id", MEMBER_HARMLESS, 0},
    {"prefix", MEMBER_HARMLESS, 0},
    {"problem_type", MEMBER_HARMLESS, 0},
    {"pruned_heads", MEMBER_OFF, 0},
    {"remove_invalid_values", MEMBER_HARMLESS, 0},
    {"repetition_penalty", MEMBER_HARMLESS, 0},
    {"return_dict", MEMBER_HARMLESS, 0},
    {"return_dict_in_generate", MEMBER_HARMLESS, 0},
    {"sep_token_id", MEMBER_HARMLESS, 0},
    {"suppress_tokens", MEMBER_HARMLESS, 0},
    {"task_specific_params", MEMBER_HARMLESS, 0},
    {"temperature", MEMBER_HARMLESS, 0},
    {"tf_legacy_loss", MEMBER_HARMLESS, 0},
    {"tie_encoder_decoder", MEMBER_OFF, 0},
    {"tie_word_embeddings", MEMBER_HARMLESS, 0},
    {"top_k", MEMBER_HARMLESS, 0},
    {"top_p", MEMBER_HARMLESS, 0},
    {"torch_dtype", MEMBER_HARMLESS, 0},
    {"torchscript", MEMBER_HARMLESS, 0},
    {"transformers_version", MEMBER_HARMLESS, 0},
    {"transformers_weights", MEMBER_HARMLESS, 0},
    {"typical_p", MEMBER_HARMLESS, 0},
    {"use_bfloat16", MEMBER_HARMLESS, 0},
    {"use_cache", MEMBER_HARMLESS, 0},
    {0},
};

static const struct member root_members[] = {
    {"model_type", MEMBER_IS, "clip"},
    {"vision_config", MEMBER_READ, 0},
    {"text_config", MEMBER_READ, 0},
    {"vision_config_dict", MEMBER_READ, 0},
    {"text_config_dict", MEMBER_READ, 0},
    {"projection_dim", MEMBER_READ, 0},
    {"eos_token_id", MEMBER_HARMLESS, 0},           /* for generation; the text tower has its own */
    {"logit_scale_init_value", MEMBER_HARMLESS, 0}, /* the tensor has its trained value */
    {"tokenizer_class", MEMBER_HARMLESS, 0},
    {0},
};

/* Members of both towers. */
static const struct member tower_members[] = {
    {"hidden_size", MEMBER_READ, 0},
    {"intermediate_size", MEMBER_READ, 0},
    {"num_hidden_layers", MEMBER_READ, 0},
    {"num_attention_heads", MEMBER_READ, 0},
    {"hidden_act", MEMBER_READ, 0},
    {"layer_norm_eps", MEMBER_READ, 0},
    {"projection_dim", MEMBER_HARMLESS, 0},    /* of a single tower; CLIPModel uses the root's */
    {"attention_dropout", MEMBER_HARMLESS, 0}, /* only in training, and the towers are frozen */
    {"dropout", MEMBER_HARMLESS, 0},
    {0},
};

static const struct member vision_members[] = {
    {"model_type", MEMBER_IS, "clip_vision_model"},
    {"image_size", MEMBER_READ, 0},
    {"patch_size", MEMBER_READ, 0},
    {"num_channels", MEMBER_READ, 0},
    {"eos_token_id", MEMBER_HARMLESS, 0},
    {"tokenizer_class", MEMBER_HARMLESS, 0},
    {0},
};

static const struct member text_members[] = {
    {"model_type", MEMBER_IS, "clip_text_model"}, {"vocab_size", MEMBER_READ, 0},
    {"max_position_embeddings", MEMBER_READ, 0},  {"eos_token_id", MEMBER_READ, 0},
    {"tokenizer_class", MEMBER_HARMLESS, 0},      {0},
};

/* Checks a tower's own members, those of both towers, and common_members. */
static int check_tower(const struct weights_document *d, const struct json *tower, const char *path,
                       const struct member *own)
{
    struct member all[sizeof tower_members / sizeof tower_members[0] +
                      sizeof vision_members / sizeof vision_members[0]];
    size_t n = 0;
    for (const struct member *m = own; m->key; m++)
        all[n++] = *m;
    for (const struct member *m = tower_members; m->key; m++)
        all[n++] = *m;
    all[n] = (struct member){0};
    return members_check(d, tower, path, all, common_members);
}
_Static_assert(sizeof text_members <= sizeof vision_members, "room for the members of a tower");

/* Applies the defaults of CLIPTextConfig and CLIPVisionConfig: save_pretrained omits values equal to them. */
static int read_tower(struct weights_tower_facts *out, const struct weights_document *d,
                      const struct json *tower, const struct tower_dims *dims, int64_t default_heads)
{
    const char *hidden_act = "quick_gelu";
    out->n_heads = default_heads;
    out->norm_eps = WEIGHTS_USUAL_NORM_EPS;
    int status = member_text(&hidden_act, d, tower, "hidden_act");
    if (status == OK && nn_parse_activation(&out->activation, hidden_act, ERR_FORMAT) != OK)
        status = json_key_context(d->doc, json_get(tower, "hidden_act"));
    if (status == OK && (status = member_i64(&out->n_heads, d, tower, "num_attention_heads")) == OK &&
        (status = member_f64(&out->norm_eps, d, tower, "layer_norm_eps")) == OK &&
        (status = member_agrees(d, tower, "hidden_size", dims->width)) == OK)
        status = member_agrees(d, tower, "num_hidden_layers", dims->n_layers);
    return status == OK ? member_agrees(d, tower, "intermediate_size", dims->mlp_width) : status;
}

static int read_vision(struct weights_tower_facts *out, const struct weights_document *d,
                       const struct json *vision, const struct clip_dims *dims)
{
    int status = OK;
    if ((status = check_tower(d, vision, "vision_config.", vision_members)) == OK &&
        (status = read_tower(out, d, vision, &dims->vision, 12)) == OK &&
        (status = member_side_agrees(d, vision, "patch_size", dims->patch_px)) == OK)
        status = member_side_agrees(d, vision, "image_size", dims->image_px);
    return status == OK ? member_agrees(d, vision, "num_channels", 3) : status;
}

/*
 * The features are those of the highest id if eos_token_id is 2 (a mistake in early configurations), else of
 * its first occurrence: it must then be the end token. transformers also writes its default beside a smaller
 * vocabulary: no text contains that id, so a note suffices.
 */
static int check_end(const struct weights_document *d, const struct json *text, const struct clip_dims *dims)
{
    const int64_t last = dims->vocab_size - 1;
    int64_t end = last;
    int status = member_i64(&end, d, text, "eos_token_id");
    if (status != OK || end == 2 || end == last)
        return status;
    const struct json *id = json_get(text, "eos_token_id");
    if (end < last)
        return json_error(d->doc, id,
                          "'eos_token_id' is %" PRId64 ", but the end token is %" PRId64
                          ", the last of the vocabulary",
                          end, last);
    char *note =
        str_format("%s:%zu: 'eos_token_id' is %" PRId64 ", which is not in the vocabulary of %" PRId64
                   "; texts end with %" PRId64 " here",
                   json_name(d->doc), json_line(id), end, dims->vocab_size, last);
    status = note ? str_list_add(d->notes, note) : ERR_MEMORY;
    free(note);
    return status;
}

static int read_text(struct weights_tower_facts *out, const struct weights_document *d,
                     const struct json *text, const struct clip_dims *dims)
{
    int status = OK;
    if ((status = check_tower(d, text, "text_config.", text_members)) == OK &&
        (status = read_tower(out, d, text, &dims->text, 8)) == OK &&
        (status = member_agrees(d, text, "vocab_size", dims->vocab_size)) == OK)
        status = member_agrees(d, text, "max_position_embeddings", dims->context_length);
    return status == OK ? check_end(d, text, dims) : status;
}

int weights_hugging_face_towers(struct weights_facts *out, const struct weights_document *d,
                                const struct clip_dims *dims)
{
    const struct json *root = json_root(d->doc);
    const struct json *vision = member_get(root, "vision_config"), *text = member_get(root, "text_config");
    /* If these exist, transformers uses their members, and its defaults for missing ones. */
    const struct json *vision_dict = member_get(root, "vision_config_dict");
    const struct json *text_dict = member_get(root, "text_config_dict");
    const char *type = "";
    int status = member_text(&type, d, root, "model_type");
    if (status != OK)
        return status;
    vision = vision_dict ? vision_dict : vision;
    text = text_dict ? text_dict : text;
    if (strcmp(type, "clip") != 0 || !vision || !text)
        return error_set(
            ERR_FORMAT,
            "%s: expected the configuration of a Hugging Face CLIPModel ('model_type' \"clip\" with "
            "'vision_config' and 'text_config')",
            json_name(d->doc));
    status = members_check(d, root, "", root_members, common_members);
    if (status == OK && vision_dict)
        status = check_tower(d, member_get(root, "vision_config"), "vision_config.", vision_members);
    if (status == OK && text_dict)
        status = check_tower(d, member_get(root, "text_config"), "text_config.", text_members);
    if (status == OK && (status = member_agrees(d, root, "projection_dim", dims->embed_dim)) == OK)
        status = read_vision(&out->vision, d, vision, dims);
    return status == OK ? read_text(&out->text, d, text, dims) : status;
}
