/* The tables of the methods' files, after their authors' code. */
#include "maps.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/import/import.h"

#define VISION_FIRST "image_encoder.VPT"
#define VISION_LATER "image_encoder.transformer.resblocks.*.VPT_shallow"
#define TEXT_LATER "text_encoder.transformer.resblocks.*.VPT_shallow"
#define PROJECTIONS "prompt_learner.compound_prompt_projections.*"

/* Of the trainers that save the whole model; the text tower has CLIP's own names. */
#define FROZEN                                                                                               \
    {                                                                                                        \
        {"image_encoder.", "visual."}, {"text_encoder.", ""}, {"logit_scale", "logit_scale"},                \
    }

static const struct import_map coop = {
    .folder = "prompt_learner",
    .tensors = {{"ctx", "context", -1, 0, IMPORT_AS_IS, true}},
    .keys = {{"context.count", IMPORT_N_VECTORS, "ctx", 0},
             {"context.init", IMPORT_START, "ctx", 4},
             {"context.class_specific", IMPORT_HAS_CLASSES, "ctx", 0}},
    .classes = {{"token_prefix", 0}},
    .passed_over = {"token_prefix", "token_suffix"},
};

static const struct import_map cocoop = {
    .folder = "prompt_learner",
    .tensors = {{"ctx", "context", -1, 0, IMPORT_AS_IS, true},
                {"meta_net.linear1.weight", "meta_net.fc1.weight", -1, 0, IMPORT_AS_IS, true},
                {"meta_net.linear1.bias", "meta_net.fc1.bias", -1, 0, IMPORT_AS_IS, true},
                {"meta_net.linear2.weight", "meta_net.fc2.weight", -1, 0, IMPORT_AS_IS, true},
                {"meta_net.linear2.bias", "meta_net.fc2.bias", -1, 0, IMPORT_AS_IS, true}},
    .keys = {{"context.count", IMPORT_N_VECTORS, "ctx", 0}, {"context.init", IMPORT_START, "ctx", 4}},
    .classes = {{"token_prefix", 0}},
    .passed_over = {"token_prefix", "token_suffix"},
};

/* The authors' code makes a bias and a layer that nothing uses. */
static const struct import_map kgcoop = {
    .folder = "prompt_learner",
    .tensors = {{"ctx", "context", -1, 0, IMPORT_AS_IS, true}},
    .keys = {{"context.count", IMPORT_N_VECTORS, "ctx", 0}, {"context.init", IMPORT_START, "ctx", 4}},
    .classes = {{"token_prefix", 0}},
    .passed_over = {"token_prefix", "token_suffix", "bias_vectors", "meta_net.linear1."},
};

/* No folder: a vector before ln_pre that gives the first row after it exists only by chance. */
static const struct import_map vpt = {
    .tensors = {{VISION_FIRST, "vision_prompts", 0, 0, IMPORT_LN_PRE, false},
                {VISION_LATER, "vision_prompts", 1, 1, IMPORT_AS_IS, false}},
    .keys = {{"vision_prompt.count", IMPORT_N_VECTORS, VISION_FIRST, 0},
             {"vision_prompt.depth", IMPORT_N_ROWS, VISION_LATER, 1}},
    .frozen = FROZEN,
};

/* PromptSRC's, too, whose file also holds its teacher. */
static const struct import_map ivlp = {
    .folder = "VLPromptLearner",
    .tensors = {{"prompt_learner.ctx", "context", -1, 0, IMPORT_AS_IS, true},
                {TEXT_LATER, "text_prompts", 0, 1, IMPORT_AS_IS, false},
                {VISION_FIRST, "vision_prompts", 0, 0, IMPORT_AS_IS, false},
                {VISION_LATER, "vision_prompts", 1, 1, IMPORT_AS_IS, false}},
    .keys = {{"context.count", IMPORT_N_VECTORS, "prompt_learner.ctx", 0},
             {"context.init", IMPORT_START, "prompt_learner.ctx", 1},
             {"context.depth", IMPORT_N_ROWS, TEXT_LATER, 1},
             {"vision_prompt.count", IMPORT_N_VECTORS, VISION_FIRST, 0},
             {"vision_prompt.depth", IMPORT_N_ROWS, VISION_LATER, 1}},
    .classes = {{"prompt_learner.token_prefix", 0}},
    .frozen = FROZEN,
    .passed_over = {"prompt_learner.token_prefix", "prompt_learner.token_suffix",
                    "prompt_learner.ZS_image_encoder."},
};

static const struct import_map maple = {
    .folder = "MultiModalPromptLearner",
    .tensors = {{"prompt_learner.ctx", "context", -1, 0, IMPORT_AS_IS, true},
                {"prompt_learner.proj.weight", "context_projection.weight", -1, 0, IMPORT_AS_IS, true},
                {"prompt_learner.proj.bias", "context_projection.bias", -1, 0, IMPORT_AS_IS, true},
                {"prompt_learner.compound_prompts_text.*", "text_prompts", 0, 0, IMPORT_AS_IS, false},
                {PROJECTIONS ".weight", "vision_projections.weight", 0, 0, IMPORT_AS_IS, false},
                {PROJECTIONS ".bias", "vision_projections.bias", 0, 0, IMPORT_AS_IS, false}},
    .keys = {{"context.count", IMPORT_N_VECTORS, "prompt_learner.ctx", 0},
             {"context.init", IMPORT_START, "prompt_learner.ctx", 1},
             {"context.depth", IMPORT_N_ROWS, "prompt_learner.compound_prompts_text.*", 0}},
    .classes = {{"prompt_learner.token_prefix", 0}},
    .frozen = FROZEN,
    .passed_over = {"prompt_learner.token_prefix", "prompt_learner.token_suffix"},
};

/* Rows of a layer: query, key, value. */
#define LORA(part, target)                                                                                     \
    {"weights.layer_*.q_proj." part, "lora.text." target, 0, 0, IMPORT_AS_IS, false, 3},                       \
        {"weights.layer_*.k_proj." part, "lora.text." target, 1, 0, IMPORT_AS_IS, false, 3},                   \
        {"weights.layer_*.v_proj." part, "lora.text." target, 2, 0, IMPORT_AS_IS, false, 3},                   \
        {"weights.layer_*.q_proj." part, "lora.vision." target, 0, IMPORT_AFTER_TEXT, IMPORT_AS_IS, false, 3}, \
        {"weights.layer_*.k_proj." part, "lora.vision." target, 1, IMPORT_AFTER_TEXT, IMPORT_AS_IS, false, 3}, \
    {                                                                                                          \
        "weights.layer_*.v_proj." part, "lora.vision." target, 2, IMPORT_AFTER_TEXT, IMPORT_AS_IS, false, 3    \
    }

/* Not Dassl's. */
static const struct import_map clip_lora = {
    .tensors = {LORA("w_lora_A", "a"), LORA("w_lora_B", "b")},
    .keys = {{"lora.rank", IMPORT_N_VECTORS, "weights.layer_0.q_proj.w_lora_A", 0},
             {"lora.alpha", IMPORT_NUMBER, "metadata.alpha", 0}},
    .demands = {{"metadata.encoder", "both"},
                {"metadata.position", "all"},
                {"metadata.params.0", "q"},
                {"metadata.params.1", "k"},
                {"metadata.params.2", "v"}},
};

/* Tensors by the beginnings of the files' names; alpha and beta are not in files, but import_add_number adds them. */
static const struct import_map tip_adapter = {
    .has_parts = true,
    .tensors = {{"keys", "keys", -1, 0, IMPORT_TRANSPOSED, false},
                {"best_F", "keys", -1, 0, IMPORT_AS_IS, false},
                {"values", "values", -1, 0, IMPORT_AS_IS, false},
                {"alpha", "alpha", -1, 0, IMPORT_AS_IS, false},
                {"beta", "beta", -1, 0, IMPORT_AS_IS, false}},
    .keys = {{"tip_adapter.train_keys", IMPORT_IS_THERE, "best_F", 0}},
    .classes = {{"values", 1}},
    .images = {"values", 0},
};

static const struct import_map *const maps[] = {[METHOD_COOP] = &coop,
                                                [METHOD_COCOOP] = &cocoop,
                                                [METHOD_VPT] = &vpt,
                                                [METHOD_KGCOOP] = &kgcoop,
                                                [METHOD_IVLP] = &ivlp,
                                                [METHOD_PROMPTSRC] = &ivlp,
                                                [METHOD_MAPLE] = &maple,
                                                [METHOD_TIP_ADAPTER] = &tip_adapter,
                                                [METHOD_CLIP_LORA] = &clip_lora};
enum { N_MAPS = sizeof maps / sizeof maps[0] };

const struct import_map *import_map_of(enum method_kind method)
{
    return (size_t)method < N_MAPS ? maps[method] : NULL;
}

static void append_methods(struct str *out, bool is_export)
{
    bool is_first = true;
    for (size_t i = 0; i < N_MAPS; i++) {
        if (!maps[i] || (is_export && !maps[i]->folder))
            continue;
        str_appendf(out, "%s%s", is_first ? "" : ", ", method_kind_names[i]);
        is_first = false;
    }
}

void import_append_methods(struct str *out)
{
    append_methods(out, false);
}

void export_append_methods(struct str *out)
{
    append_methods(out, true);
}

const char *export_folder(enum method_kind method)
{
    const struct import_map *map = import_map_of(method);
    return map ? map->folder : NULL;
}

char *import_source_name(const struct import_tensor *t, int64_t row)
{
    const char *star = strchr(t->source, '*');
    if (!star)
        return row == t->row ? str_dup(t->source) : NULL;
    const int64_t step = t->step ? t->step : 1;
    if (row < t->row || (row - t->row) % step != 0)
        return NULL;
    return str_format("%.*s%" PRId64 "%s", (int)(star - t->source), t->source,
                      (row - t->row) / step + t->number, star + 1);
}
