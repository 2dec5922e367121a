/*
 * Tensor names: ours are OpenAI's, open_clip's are the same, Hugging Face's differ.
 *
 * Hugging Face has separate query, key and value where OpenAI has one in_proj; its projections are linear
 * layers (output x input), OpenAI's are matrices (input x output).
 */
#include "names.h"

#include <stdio.h>
#include <string.h>

#include "prompt/base/str.h"

struct name_pair {
    const char *openai;
    const char *hugging_face;
};

static const struct name_pair whole_names[] = {
    {"token_embedding.weight", "text_model.embeddings.token_embedding.weight"},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight"},
    {"ln_final.weight", "text_model.final_layer_norm.weight"},
    {"ln_final.bias", "text_model.final_layer_norm.bias"},
    {"text_projection", "text_projection.weight"},
    {"logit_scale", "logit_scale"},
    {"visual.class_embedding", "vision_model.embeddings.class_embedding"},
    {"visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"},
    {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"},
    {"visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"}, /* their spelling */
    {"visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"},
    {"visual.ln_post.weight", "vision_model.post_layernorm.weight"},
    {"visual.ln_post.bias", "vision_model.post_layernorm.bias"},
    {"visual.proj", "visual_projection.weight"},
};

/* After "<blocks>.<number>."; weight_source_of replaces %c by q, k and v. */
static const struct name_pair block_names[] = {
    {"attn.in_proj_weight", "self_attn.%c_proj.weight"},
    {"attn.in_proj_bias", "self_attn.%c_proj.bias"},
    {"attn.out_proj.weight", "self_attn.out_proj.weight"},
    {"attn.out_proj.bias", "self_attn.out_proj.bias"},
    {"ln_1.weight", "layer_norm1.weight"},
    {"ln_1.bias", "layer_norm1.bias"},
    {"mlp.c_fc.weight", "mlp.fc1.weight"},
    {"mlp.c_fc.bias", "mlp.fc1.bias"},
    {"mlp.c_proj.weight", "mlp.fc2.weight"},
    {"mlp.c_proj.bias", "mlp.fc2.bias"},
    {"ln_2.weight", "layer_norm2.weight"},
    {"ln_2.bias", "layer_norm2.bias"},
};

static const char *find_pair(const struct name_pair *pairs, size_t n, const char *openai)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].openai, openai) == 0)
            return pairs[i].hugging_face;
    return NULL;
}

const char *weights_block_prefix(bool is_vision, bool is_hugging_face)
{
    if (is_hugging_face)
        return is_vision ? "vision_model.encoder.layers." : "text_model.encoder.layers.";
    return is_vision ? "visual.transformer.resblocks." : "transformer.resblocks.";
}

/* "visual.transformer.resblocks.3.ln_1.bias" -> its Hugging Face names. False for other tensors. */
static bool block_source(struct weight_source *out, const char *openai_name)
{
    bool is_vision = str_starts_with(openai_name, "visual.");
    const char *prefix = weights_block_prefix(is_vision, false);
    if (!str_starts_with(openai_name, prefix))
        return false;
    const char *number = openai_name + strlen(prefix);
    size_t n_digits = strspn(number, "0123456789");
    if (n_digits == 0 || number[n_digits] != '.')
        return false;
    size_t n_names = sizeof block_names / sizeof block_names[0];
    const char *theirs = find_pair(block_names, n_names, number + n_digits + 1);
    if (!theirs)
        return false;
    const char *marker = strchr(theirs, '%');
    out->n = marker ? 3 : 1;
    for (size_t i = 0; i < out->n; i++) {
        size_t n_before = marker ? (size_t)(marker - theirs) : strlen(theirs);
        char letter[2] = {marker ? "qkv"[i] : '\0', '\0'};
        snprintf(out->names[i], sizeof out->names[i], "%s%.*s.%.*s%s%s",
                 weights_block_prefix(is_vision, true), (int)n_digits, number, (int)n_before, theirs, letter,
                 marker ? marker + strlen("%c") : "");
    }
    return true;
}

void weight_source_of(struct weight_source *out, const char *openai_name, bool is_hugging_face)
{
    *out = (struct weight_source){.n = 1};
    snprintf(out->names[0], sizeof out->names[0], "%s", openai_name);
    if (!is_hugging_face || block_source(out, openai_name))
        return;
    size_t n_names = sizeof whole_names / sizeof whole_names[0];
    const char *theirs = find_pair(whole_names, n_names, openai_name);
    if (theirs)
        snprintf(out->names[0], sizeof out->names[0], "%s", theirs);
    out->is_transposed =
        strcmp(openai_name, "visual.proj") == 0 || strcmp(openai_name, "text_projection") == 0;
}

bool weights_is_passed_over(const char *name)
{
    static const char *const buffers[] = {"attn_mask", "input_resolution", "context_length", "vocab_size"};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        if (strcmp(name, buffers[i]) == 0)
            return true;
    return str_ends_with(name, ".position_ids") || str_ends_with(name, ".attn_mask");
}
