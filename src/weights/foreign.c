/* Recognizes files that do not hold a CLIP with a ViT, by names that only such files have. */
#include "foreign.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "raw.h"

/* A part of a name that occurs in models of one kind, but in no CLIP with a ViT. The first match counts. */
struct sign {
    const char *part;
    const char *what;
};

static const char only_vits[] = "only CLIP's own ViTs are supported";
static const char only_text[] = "only CLIP's own text tower is supported";
static const char only_clip[] = "only CLIP models are supported";

/* ---------------------------------------------------------------- models related to CLIP */

struct model_sign {
    const char *part;
    const char *what;
    const char *supported;
};

static const struct model_sign model_signs[] = {
    {"vision_model.head.probe", "this is a SigLIP model", only_clip},
    {"vision_model.head.attention.", "this is a SigLIP model", only_clip},
    {"text_model.head.weight", "this is a SigLIP model", only_clip},
    {"decoder.film_mul.", "this is a CLIPSeg model, which adds a decoder of masks", only_clip},
    {"box_head.", "this is an OWL-ViT detector", only_clip},
    {"vision_model.pre_layernorm.", "this is an OWL-ViT model", only_clip},
    {"prompts_generator.", "this is an X-CLIP model, for videos", only_clip},
    {"vision_model.encoder.stages.", "this is a GroupViT model", only_clip},
    {"vision_model.encoder.blocks.", "this is an ALIGN model", only_clip},
    {"multimodal_model.", "this is a FLAVA model", only_clip},
    {"modality_trunks.", "this is an ImageBind model", only_clip},
    {"qformer.", "this is a BLIP-2 model", only_clip},
    {"Qformer.", "this is a BLIP-2 model", only_clip},
    {".self_attn.qkv.", "this is a BLIP model", only_clip},
    {"visual_encoder.blocks.", "this is a BLIP or ALBEF model", only_clip},
    {"text_decoder.", "this is a CoCa model, which adds a decoder of texts", only_clip},
    {"multi_modal_projector.", "this is a LLaVA model", only_clip},
    {"mm_projector.", "this is a LLaVA model", only_clip},
    {"model.diffusion_model.", "this is a Stable Diffusion model", only_clip},
    {"text_model.roberta.", "this is an AltCLIP model: its text tower is XLM-RoBERTa", only_text},
    {"text_model.encoder.layer.", "its text tower is a BERT, as Chinese-CLIP's", only_text},
    {"bert.encoder.layer.", "its text tower is a BERT, as Chinese-CLIP's", only_text},
    {"text.transformer.embeddings.", "its text tower is one of Hugging Face's models", only_text},
    {"text.transformer.encoder.", "its text tower is one of Hugging Face's models", only_text},
    {"text.transformer.shared.", "its text tower is one of Hugging Face's models", only_text},
    {"visual.trunk.", "its image encoder is one of timm's models", only_vits},
    {"visual.blocks.", "its image encoder is one of EVA's or timm's models", only_vits},
    {"visual.attn_pool.", "its image encoder pools by attention", only_vits},
};

static const struct raw_tensor *find_part(const struct weights_raw *raw, const char *part)
{
    for (size_t i = 0; i < raw->n; i++)
        if (strstr(raw->items[i].name, part))
            return &raw->items[i];
    return NULL;
}

static const struct raw_tensor *find_end(const struct weights_raw *raw, const char *end)
{
    for (size_t i = 0; i < raw->n; i++) {
        const char *name = raw->items[i].name;
        const size_t n = strlen(name) - (str_ends_with(name, end) ? strlen(end) : 0);
        if (n < strlen(name) && (n == 0 || name[n - 1] == '.'))
            return &raw->items[i];
    }
    return NULL;
}

/* Learned prompts, with or without their model. */
static int refuse_prompts(const struct weights_raw *raw)
{
    static const char *const ends[] = {"ctx", "VPT", "VPT_shallow", "ctx_positive"};
    const struct raw_tensor *item = NULL;
    for (size_t i = 0; !item && i < sizeof ends / sizeof ends[0]; i++)
        item = find_end(raw, ends[i]);
    if (!item)
        return OK;
    struct str shape = {0};
    if (item->value)
        tensor_append_shape(&shape, item->value);
    const bool has_model = find_part(raw, "image_encoder.transformer.") != NULL;
    int status = str_status(&shape);
    if (status == OK)
        status = error_set(ERR_FORMAT, "holds learned prompts (%.80s %s)%s, not CLIP weights", item->name,
                           str_text(&shape), has_model ? " and the model that they were learned with" : "");
    str_free(&shape);
    return status;
}

static int refuse_adapter(const struct weights_raw *raw)
{
    const struct raw_tensor *item = find_part(raw, "lora_A");
    if (!item)
        item = find_part(raw, "lora_embedding_A");
    return item ? error_set(
                      ERR_FORMAT,
                      "holds a LoRA adapter ('%.120s'): merge it into its model first (merge_and_unload) "
                      "and save that",
                      item->name)
                : OK;
}

int weights_refuse_other_models(struct weights *w, const struct weights_raw *raw)
{
    int status = refuse_prompts(raw);
    if (status == OK)
        status = refuse_adapter(raw);
    if (status == OK && find_part(raw, "visual.layer1.") && (status = weights_hash(w)) == OK)
        status = error_set(
            ERR_FORMAT, "this is a CLIP with a ResNet as its image encoder%s%s%s; only ViTs are supported",
            w->known_name ? " (OpenAI's " : "", w->known_name ? w->known_name : "", w->known_name ? ")" : "");
    for (size_t i = 0; status == OK && i < sizeof model_signs / sizeof model_signs[0]; i++)
        if (find_part(raw, model_signs[i].part))
            status = error_set(ERR_FORMAT, "%s; %s", model_signs[i].what, model_signs[i].supported);
    return status;
}

/* ---------------------------------------------------------------- files without a CLIP */

static const struct sign tower_signs[] = {
    {"vision_model.", "only the image tower (a CLIPVisionModel)"},
    {"embeddings.patch_embedding.", "only the image tower (a CLIPVisionModel)"},
    {"visual.", "only the image tower"},
    {"text_model.", "only the text tower (a CLIPTextModel)"},
    {"embeddings.token_embedding.", "only the text tower (a CLIPTextModel)"},
    {"token_embedding.", "only the text tower"},
    {"image_encoder.", "the parts of a training script (image_encoder, ...)"},
    {"text_encoder.", "the parts of a training script (text_encoder, ...)"},
    {"patch_embed.", "a ViT without a text tower"},
    {"word_embeddings.", "a language model"},
    {"embed_tokens.", "a language model"},
    {"layer1.0.conv1.", "a ResNet without a text tower"},
};

/* Whether the name is of an optimizer's state. */
static bool is_optimizers(const char *name)
{
    static const char *const parts[] = {"exp_avg", "momentum_buffer", "optimizer", "square_avg",
                                        "fp32_groups"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(name, parts[i]))
            return true;
    return str_ends_with(name, ".step");
}

static bool is_optimizer_alone(const struct weights_raw *raw)
{
    for (size_t i = 0; i < raw->n; i++)
        if (!is_optimizers(raw->items[i].name))
            return false;
    return raw->n > 0;
}

/* Appends the model's type in the configuration beside the file: " (config.json: model_type 'bert')". */
static int append_model_type(struct str *out, const char *path)
{
    char *folder = path_dir(path);
    char *config = folder ? path_join(folder, "config.json") : NULL;
    struct json_doc *doc = NULL;
    const char *type = NULL;
    if (config && file_exists(config) && json_read_file(&doc, config) == OK &&
        json_need_string(&type, doc, json_root(doc), "model_type") == OK)
        str_appendf(out, " (config.json: model_type '%.40s')", type);
    json_free(doc);
    free(config);
    free(folder);
    return str_status(out);
}

static int say_names(const struct weights *w, const struct weights_raw *raw)
{
    struct str text = {0};
    for (size_t i = 0; i < raw->n && i < 3; i++)
        str_appendf(&text, "%s'%.80s'", i ? ", " : "", raw->items[i].name);
    if (raw->n > 3)
        str_appendf(&text, " and %zu more", raw->n - 3);
    int status = append_model_type(&text, w->path);
    if (status == OK)
        status =
            error_set(ERR_FORMAT, "holds no CLIP model; its tensors have other names: %s", str_text(&text));
    str_free(&text);
    return status;
}

static int say_tower(const struct weights *w, const char *what)
{
    struct str type = {0};
    int status = append_model_type(&type, w->path);
    if (status == OK)
        status = error_set(ERR_FORMAT, "holds %s, not a whole CLIP model%s", what, str_text(&type));
    str_free(&type);
    return status;
}

int weights_say_what_is_there(const struct weights *w, const struct weights_raw *raw)
{
    if (raw->facts.module_class[0] != '\0')
        return error_set(
            ERR_FORMAT,
            "holds a whole pickled module (%s), which only its own code could read: save its state "
            "dict, torch.save(model.state_dict(), PATH)",
            raw->facts.module_class);
    if (raw->n == 0)
        return error_set(ERR_FORMAT, "holds no tensors");
    if (raw->n == 1 && raw->items[0].name[0] == '\0')
        return error_set(ERR_FORMAT, "holds one tensor without a name, not a state dict");
    if (is_optimizer_alone(raw))
        return error_set(ERR_FORMAT, "holds an optimizer's state ('%.120s'), not a model",
                         raw->items[0].name);
    for (size_t i = 0; i < sizeof tower_signs / sizeof tower_signs[0]; i++)
        if (find_part(raw, tower_signs[i].part))
            return say_tower(w, tower_signs[i].what);
    return say_names(w, raw);
}
