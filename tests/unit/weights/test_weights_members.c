/* Every member of a configuration is understood, harmless, or an error. The peers' files: tests/parity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/base/path.h"
#include "weights_files.h"

/* The same file without our metadata, so that its configuration file is read. */
static void strip(const struct fixture *f)
{
    struct params p = copy_params(f, "");
    write_params(f, &p);
    params_free(&p);
}

struct refusal {
    const char *text;
    const char *message; /* after "FILE:2: " */
};

/* Puts each case in place of the @, on a second line. */
static void expect_refused(const struct fixture *f, const char *name, const char *format,
                           const struct refusal *cases, size_t n)
{
    char *path = path_join(f->dir, name);
    for (size_t i = 0; i < n; i++) {
        struct str text = {0};
        const char *hole = strchr(format, '@');
        str_appendf(&text, "%.*s\n%s%s", (int)(hole - format), format, cases[i].text, hole + 1);
        char *message = str_format("%s:2: %s", path, cases[i].message);
        write_beside(f, name, str_text(&text));
        expect_error(f, NULL, ERR_FORMAT, message);
        free(message);
        str_free(&text);
    }
    free(path);
}

#define N(array) (sizeof(array) / sizeof(array)[0])

/* ---------------------------------------------------------------- open_clip */

static void test_members__open_clips_own_fields_are_taken(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    /* open_clip 3.3's dataclasses with their defaults, custom_text, lists as sizes, "eos" with its id */
    write_beside(
        f, "open_clip_config.json",
        "{\"model_cfg\": {\"embed_dim\": 64, \"quick_gelu\": true, \"custom_text\": true,\n"
        "\"init_logit_scale\": 2.6, \"init_logit_bias\": -10, \"nonscalar_logit_scale\": true,\n"
        "\"multimodal_cfg\": null, \"next_year\": null,\n"
        "\"vision_cfg\": {\"layers\": 2, \"width\": 32, \"head_width\": 16, \"mlp_ratio\": 4.0,\n"
        "\"patch_size\": [8, 8], \"image_size\": [16, 16], \"ls_init_value\": null, \"patch_dropout\": 0.5,\n"
        "\"attentional_pool\": false, \"attn_pooler_queries\": 256, \"attn_pooler_heads\": 8,\n"
        "\"no_ln_pre\": false, \"pos_embed_type\": \"learnable\", \"final_ln_after_pool\": true,\n"
        "\"pool_type\": \"tok\", \"output_tokens\": false, \"act_kwargs\": {}, \"norm_kwargs\": {},\n"
        "\"block_type\": null, \"qk_norm\": false, \"scale_fc\": false, \"timm_model_name\": null,\n"
        "\"timm_pool\": \"avg\", \"timm_proj\": \"linear\", \"global_average_pool\": false},\n"
        "\"text_cfg\": {\"context_length\": 77, \"vocab_size\": 512, \"hf_tokenizer_name\": null,\n"
        "\"tokenizer_mode\": null, \"tokenizer_kwargs\": {\"clean\": \"lower\"}, \"width\": 32, \"heads\": "
        "2,\n"
        "\"layers\": 2, \"embed_cls\": false, \"pad_id\": 1, \"eos_id\": 511, \"pool_type\": \"eos\",\n"
        "\"no_causal_mask\": false, \"proj_bias\": false, \"proj_type\": \"linear\",\n"
        "\"hf_model_pretrained\": true, \"hf_pooler_type\": \"mean_pooler\"}}, \"preprocess_cfg\": null}");
    struct weights *w = open_ok(f, NULL);
    assert_int_equal(w->dims.vision.n_heads, 2);
    assert_int_equal(w->accepted.n, 0);
    weights_close(w);
}

static void test_members__open_clips_variants_are_refused(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    static const struct refusal vision[] = {
        {"\"global_average_pool\": true",
         "'model_cfg.vision_cfg.global_average_pool': only plain CLIP is supported"},
        {"\"attentional_pool\": \"parallel\"",
         "'model_cfg.vision_cfg.attentional_pool' \"parallel\": only plain CLIP is supported"},
        {"\"pool_type\": \"avg\"",
         "'model_cfg.vision_cfg.pool_type' \"avg\": only plain CLIP is supported (\"tok\")"},
        {"\"pos_embed_type\": \"sin_cos_2d\"", "'model_cfg.vision_cfg.pos_embed_type' \"sin_cos_2d\": only "
                                               "plain CLIP is supported (\"learnable\")"},
        {"\"ls_init_value\": 1e-5", "'model_cfg.vision_cfg.ls_init_value': only plain CLIP is supported"},
        {"\"qk_norm\": true", "'model_cfg.vision_cfg.qk_norm': only plain CLIP is supported"},
        {"\"act_kwargs\": {\"approximate\": \"tanh\"}",
         "'model_cfg.vision_cfg.act_kwargs': only plain CLIP is supported"},
        {"\"norm_kwargs\": {\"bias\": false}",
         "'norm_kwargs.bias' is unknown and may change what the model computes; if it does not, set "
         "model.accept_unknown=true"},
        {"\"norm_kwargs\": 1e-6", "'norm_kwargs': expected an object"},
        {"\"mlp_ratio\": 3.0",
         "'mlp_ratio': the tensors have another: is this another model's configuration?"},
        {"\"rope\": 1", "'model_cfg.vision_cfg.rope' is unknown and may change what the model "
                        "computes; if it does not, set "
                        "model.accept_unknown=true"},
    };
    static const struct refusal side[] = {
        {"\"image_size\": [16, 32]",
         "'image_size': expected a number or two equal ones: only square images are supported"},
        {"\"image_size\": [32, 32]",
         "'image_size' is 32, but the tensors say 16: is this another model's configuration?"},
    };
    static const struct refusal text[] = {
        {"\"tokenizer_kwargs\": {\"clean\": \"canonicalize\"}",
         "'tokenizer_kwargs.clean' \"canonicalize\": only plain CLIP is supported (\"lower\")"},
        {"\"tokenizer_kwargs\": \"canonicalize\"", "'tokenizer_kwargs': expected an object"},
        {"\"hf_tokenizer_name\": \"bert-base-uncased\"",
         "'model_cfg.text_cfg.hf_tokenizer_name' \"bert-base-uncased\": only plain CLIP is supported"},
        {"\"tokenizer_mode\": \"clips\"",
         "'model_cfg.text_cfg.tokenizer_mode' \"clips\": only plain CLIP is supported"},
        {"\"context_length\": 64",
         "'context_length' is 64, but the tensors say 77: is this another model's configuration?"},
        {"\"pool_type\": \"eos\"",
         "'eos_id' is 2 by default, but 'pool_type' \"eos\" needs the end token's, 511"},
        {"\"pool_type\": \"eos\", \"eos_id\": 49407",
         "'eos_id' is 49407, but 'pool_type' \"eos\" needs the end token's, 511"},
        {"\"pool_type\": \"last\"", "'pool_type' \"last\": only \"argmax\" and \"eos\" are supported"},
        {"\"proj_bias\": true", "'model_cfg.text_cfg.proj_bias': only plain CLIP is supported"},
    };
    static const struct refusal model[] = {
        {"\"multimodal_cfg\": {\"width\": 1}", "'model_cfg.multimodal_cfg': only plain CLIP is supported"},
        {"\"embed_dim\": 32",
         "'embed_dim' is 32, but the tensors say 64: is this another model's configuration?"},
        {"\"moe\": 2",
         "'model_cfg.moe' is unknown and may change what the model computes; if it does not, set "
         "model.accept_unknown=true"},
    };
    const char *name = "open_clip_config.json";
    expect_refused(f, name,
                   "{\"model_cfg\": {\"text_cfg\": {\"heads\": 2}, \"vision_cfg\": {\"image_size\": 16, @}}}",
                   vision, N(vision));
    expect_refused(f, name, "{\"model_cfg\": {\"text_cfg\": {\"heads\": 2}, \"vision_cfg\": {@}}}", side,
                   N(side));
    expect_refused(
        f, name,
        "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16, \"head_width\": 16}, \"text_cfg\": {@}}}",
        text, N(text));
    expect_refused(f, name, "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16}, \"text_cfg\": {}, @}}",
                   model, N(model));
    static const struct refusal tower[] = {
        {"\"vision_cfg\": \"ViT-B-32\"", "'vision_cfg': expected an object"},
        {"\"vision_cfg\": [12]", "'vision_cfg': expected an object"},
        {"\"vision_cfg\": {\"width\": 32}",
         "'vision_cfg' has no 'image_size', which defaults to 224, but the tensors say 16"}};
    expect_refused(f, name, "{\"model_cfg\": {\"text_cfg\": {}, @}}", tower, N(tower));
    /* also if the options give heads, activation and epsilon */
    write_beside(f, name,
                 "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16, \"global_average_pool\": true}, "
                 "\"text_cfg\": {}}}");
    char *message = str_format(
        "%s/%s:1: 'model_cfg.vision_cfg.global_average_pool': only plain CLIP is supported", f->dir, name);
    expect_error(f, &all_options, ERR_FORMAT, message);
    free(message);
}

static void test_members__an_unknown_one_is_taken_on_request_and_noted(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    write_beside(f, "open_clip_config.json",
                 "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16, \"head_width\": 16, \"rope\": 1}, "
                 "\"text_cfg\": {\"heads\": 2}},\n"
                 "\"preprocess_cfg\": {\"crop_pct\": 0.9}}");
    const struct weights_options accept = {.accept_unknown = true};
    struct weights *w = open_ok(f, &accept);
    assert_int_equal(w->accepted.n, 2);
    assert_string_equal(w->accepted.items[0], "model_cfg.vision_cfg.rope");
    assert_string_equal(w->accepted.items[1], "preprocess_cfg.crop_pct");
    weights_close(w);
    /* a member known to change the computation remains an error */
    write_beside(f, "open_clip_config.json",
                 "{\"model_cfg\": {\"vision_cfg\": {\n\"no_ln_pre\": true}, \"text_cfg\": {}}}");
    char *message =
        str_format("%s/open_clip_config.json:2: 'model_cfg.vision_cfg.no_ln_pre': only plain CLIP is "
                   "supported",
                   f->dir);
    expect_error(f, &accept, ERR_FORMAT, message);
    free(message);
}

/* ---------------------------------------------------------------- Hugging Face */

static void test_members__hugging_faces_own_fields_are_taken(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    write_beside(
        f, "config.json",
        "{\"model_type\": \"clip\", \"projection_dim\": 64, \"torch_dtype\": \"float32\", \"max_length\": "
        "20,\n"
        "\"architectures\": [\"CLIPModel\"], \"logit_scale_init_value\": 2.6592, \"eos_token_id\": 7,\n"
        "\"text_config_dict\": null, \"id2label\": {\"0\": \"LABEL_0\"}, \"pruned_heads\": {},\n"
        "\"vision_config\": {\"model_type\": \"clip_vision_model\", \"image_size\": [16, 16],\n"
        "\"num_attention_heads\": 2, \"patch_size\": 8, \"attention_dropout\": 0.1, \"top_k\": 50},\n"
        "\"text_config\": {\"num_attention_heads\": 4, \"hidden_act\": \"gelu\", \"eos_token_id\": 511}}");
    struct weights *w = open_ok(f, NULL);
    assert_int_equal(w->dims.vision.n_heads, 2);
    assert_int_equal(w->dims.text.n_heads, 4);
    assert_int_equal(w->dims.text.activation, ACTIVATION_GELU);
    assert_int_equal(w->dims.vision.activation, ACTIVATION_QUICK_GELU);
    assert_int_equal(w->notes.n, 0);
    weights_close(w);
    /* transformers' default, beside a smaller vocabulary */
    write_beside(f, "config.json",
                 "{\"model_type\": \"clip\", \"vision_config\": {\"num_attention_heads\": 2, \"image_size\": "
                 "16, \"patch_size\": 8},\n"
                 "\"text_config\": {\"num_attention_heads\": 4, \"eos_token_id\": 49407}}");
    w = open_ok(f, NULL);
    assert_int_equal(w->notes.n, 1);
    weights_close(w);
}

/* transformers prefers them, with its defaults for missing members, to text_config and vision_config. */
static void test_members__hugging_faces_config_dicts_win(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    write_beside(f, "config.json",
                 "{\"model_type\": \"clip\",\n"
                 "\"vision_config\": {\"num_attention_heads\": 4, \"hidden_act\": \"quick_gelu\"},\n"
                 "\"text_config\": {\"num_attention_heads\": 2, \"hidden_act\": \"gelu\"},\n"
                 "\"vision_config_dict\": {\"num_attention_heads\": 2, \"hidden_act\": \"gelu\"},\n"
                 "\"text_config_dict\": {\"layer_norm_eps\": 1e-6}}");
    struct weights *w = open_ok(f, NULL);
    assert_int_equal(w->dims.vision.n_heads, 2);
    assert_int_equal(w->dims.vision.activation, ACTIVATION_GELU);
    assert_int_equal(w->dims.text.n_heads, 8);
    assert_int_equal(w->dims.text.activation, ACTIVATION_QUICK_GELU);
    assert_true(w->dims.text.norm_eps == 1e-6);
    weights_close(w);
}

static void test_members__hugging_faces_variants_are_refused(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    static const struct refusal text[] = {
        {"\"eos_token_id\": 7", "'eos_token_id' is 7, but the end token is 511, the last of the vocabulary"},
        {"\"max_position_embeddings\": 64",
         "'max_position_embeddings' is 64, but the tensors say 77: is this another model's configuration?"},
        {"\"model_type\": \"siglip_text_model\"", "'text_config.model_type' \"siglip_text_model\": only "
                                                  "plain CLIP is supported (\"clip_text_model\")"},
        {"\"rope_theta\": 1e4", "'text_config.rope_theta' is unknown and may change what the model "
                                "computes; if it does not, set "
                                "model.accept_unknown=true"},
    };
    static const struct refusal root[] = {
        {"\"quantization_config\": {\"bits\": 4}", "'quantization_config' is unknown and may change "
                                                   "what the model computes; if it does not, set "
                                                   "model.accept_unknown=true"},
        {"\"projection_dim\": 512",
         "'projection_dim' is 512, but the tensors say 64: is this another model's configuration?"},
        {"\"pruned_heads\": {\"0\": [1]}", "'pruned_heads': only plain CLIP is supported"},
    };
    expect_refused(
        f, "config.json",
        "{\"model_type\": \"clip\", \"vision_config\": {\"num_attention_heads\": 2}, \"text_config\": {@}}",
        text, N(text));
    expect_refused(f, "config.json",
                   "{\"model_type\": \"clip\", \"vision_config\": {}, \"text_config\": {}, @}", root,
                   N(root));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_members__open_clips_own_fields_are_taken),
        TEST(test_members__open_clips_variants_are_refused),
        TEST(test_members__an_unknown_one_is_taken_on_request_and_noted),
        TEST(test_members__hugging_faces_own_fields_are_taken),
        TEST(test_members__hugging_faces_config_dicts_win),
        TEST(test_members__hugging_faces_variants_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
