/* CLIP weights: made, saved and opened again; errors name every deviation of a file; nothing is guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "weights_files.h"

static const struct device cpu = {DEVICE_CPU, 0};

static void replace(struct params *p, const char *name, tensor *value)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->items[i].name, name) == 0)
            p->items[i].value = value;
}

/* ---------------------------------------------------------------- making */

static void test_weights__opens_what_it_saved(void **state)
{
    const struct fixture *f = *state;
    struct weights *w = NULL;
    assert_int_equal(weights_open(&w, f->scope, f->dir, NULL), OK); /* a folder is enough */
    assert_string_equal(w->path, f->path);
    assert_int_equal(w->format, WEIGHTS_PROMPT);
    assert_memory_equal(&w->dims, &f->made->dims, sizeof w->dims);
    assert_int_equal(w->tensors.n, f->made->tensors.n);
    for (size_t i = 0; i < w->tensors.n; i++) {
        const tensor *a = w->tensors.items[i].value;
        const tensor *b = params_find(&f->made->tensors, w->tensors.items[i].name);
        assert_int_equal(t_numel(a), t_numel(b));
        assert_memory_equal(t_data(a), t_data(b), (size_t)t_numel(a) * sizeof(float));
    }
    assert_int_equal(weights_hash(w), OK);
    assert_int_equal(strlen(w->sha256), 64);
    assert_null(w->known_name);
    weights_close(w);
}

static void moments(double *mean, double *deviation, const tensor *t)
{
    const float *values = t_data(t);
    double sum = 0;
    double squares = 0;
    const int64_t n = t_numel(t);
    for (int64_t i = 0; i < n; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    *mean = sum / (double)n;
    *deviation = sqrt(squares / (double)n - *mean * *mean);
}

static void expect_deviation(const struct weights *w, const char *name, double want)
{
    double mean = 0;
    double deviation = 0;
    const tensor *t = params_find(&w->tensors, name);
    moments(&mean, &deviation, t);
    const double n = (double)t_numel(t);
    if (fabs(mean) > 5 * want / sqrt(n) || fabs(deviation - want) > 5 * want / sqrt(n))
        fail_msg("%s: mean %g, deviation %g, expected 0 and %g", name, mean, deviation, want);
}

static void test_weights__are_initialized_as_clip_is(void **state)
{
    const struct fixture *f = *state;
    const struct weights *w = f->made;    /* widths 32, 2 layers, gain 2 */
    const double third = 1.0 / sqrt(3.0); /* of a uniform distribution's bound */
    expect_deviation(w, "token_embedding.weight", 0.02);
    expect_deviation(w, "positional_embedding", 0.01);
    expect_deviation(w, "text_projection", 1 / sqrt(32.0));
    expect_deviation(w, "visual.positional_embedding", 1 / sqrt(32.0));
    expect_deviation(w, "visual.proj", 1 / sqrt(32.0));
    expect_deviation(w, "visual.conv1.weight", third / sqrt(3 * 64.0));
    expect_deviation(w, "transformer.resblocks.1.attn.in_proj_weight", 2 / sqrt(32.0));
    expect_deviation(w, "transformer.resblocks.1.attn.out_proj.weight", 2 / sqrt(32.0 * 4));
    expect_deviation(w, "transformer.resblocks.1.mlp.c_fc.weight", 2 / sqrt(2 * 32.0));
    expect_deviation(w, "visual.transformer.resblocks.1.attn.in_proj_weight", 2 * third * sqrt(6.0 / 128));
    expect_deviation(w, "visual.transformer.resblocks.1.mlp.c_proj.weight", 2 * third / sqrt(128.0));
    expect_deviation(w, "visual.transformer.resblocks.0.mlp.c_fc.bias", third / sqrt(32.0));
    double scale = 0;
    assert_int_equal(t_item_f64(&scale, f->scope, params_find(&w->tensors, "logit_scale")), OK);
    assert_true(fabs(exp(scale) - 100) < 1e-4);
}

static void test_weights__depend_on_seed_and_gain_alone(void **state)
{
    const struct fixture *f = *state;
    struct weights *same = NULL;
    struct weights *other = NULL;
    const char *name = "transformer.resblocks.0.mlp.c_fc.weight";
    assert_int_equal(weights_init(&same, f->scope, "micro", 1, 1.0), OK);
    assert_int_equal(weights_init(&other, f->scope, "micro", 0, 2.0), OK);
    const float *a = t_data(params_find(&f->made->tensors, name));
    const float *b = t_data(params_find(&same->tensors, name));
    const float *c = t_data(params_find(&other->tensors, name));
    assert_true(a[0] == 2 * b[0] && a[4095] == 2 * b[4095]); /* the gain is a power of two */
    assert_true(a[0] != c[0] && a[0] != a[1]);
    weights_close(other);
    weights_close(same);

    struct weights *tiny = NULL;
    assert_int_equal(weights_init(&tiny, f->scope, "tiny", 1, 1.0), OK);
    assert_int_equal(tiny->dims.vision.n_heads, 2);
    assert_int_equal(tiny->dims.text.n_heads, 2);
    weights_close(tiny);

    struct weights *none = NULL;
    assert_int_equal(weights_init(&none, f->scope, "micro", 1, 0.0), ERR_USAGE);
    assert_int_equal(weights_init(&none, f->scope, "ViT-B-61", 1, 1.0), ERR_USAGE);
    assert_string_equal(error_message(),
                        "unknown architecture 'ViT-B-61'; did you mean 'ViT-B-16'? (known: ViT-B-32, "
                        "ViT-B-16, ViT-L-14, ViT-L-14-336, tiny, micro)");
}

/* ---------------------------------------------------------------- deviations */

static void test_weights__names_missing_extra_and_misshaped_tensors(void **state)
{
    const struct fixture *f = *state;
    struct params p = copy_params(f, "visual.transformer.resblocks.1.ln_");
    assert_int_equal(params_add(&p, "logit_offset", f->made->tensors.items[0].value), OK);
    replace(&p, "visual.proj", t_zeros(f->scope, SHAPE(31, 64), DTYPE_F32, cpu));
    replace(&p, "ln_final.bias", t_zeros(f->scope, SHAPE(32), DTYPE_I64, cpu));
    write_params(f, &p);
    expect_error(
        f, &all_options, ERR_FORMAT,
        "missing tensors 'visual.transformer.resblocks.1.ln_1.weight', "
        "'visual.transformer.resblocks.1.ln_1.bias', 'visual.transformer.resblocks.1.ln_2.weight', "
        "'visual.transformer.resblocks.1.ln_2.bias'; unexpected tensor 'logit_offset'; mis-shaped tensors "
        "'visual.proj' (expected [32, 64], found [31, 64]), 'ln_final.bias' (expected floating point, "
        "found int64)");
    params_free(&p);

    p = copy_params(f, "transformer.resblocks.1.");
    assert_int_equal(params_add(&p, "transformer.resblocks.1.x", f->made->tensors.items[0].value), OK);
    write_params(f, &p);
    struct weights *w = NULL;
    assert_int_equal(weights_open(&w, f->scope, f->path, &all_options), ERR_FORMAT);
    assert_non_null(strstr(error_message(), " and 7 more; unexpected tensor 'transformer.resblocks.1.x'"));
    params_free(&p);

    p = copy_params(f, "");
    replace(&p, "visual.proj", t_zeros(f->scope, SHAPE(64), DTYPE_F32, cpu));
    write_params(f, &p);
    expect_error(f, &all_options, ERR_SHAPE,
                 "mis-shaped tensor 'visual.proj' (expected 2 dimensions, found [64])");
    replace(&p, "visual.proj", params_find(&f->made->tensors, "visual.proj"));
    replace(&p, "visual.positional_embedding", t_zeros(f->scope, SHAPE(6, 32), DTYPE_F32, cpu));
    write_params(f, &p);
    expect_error(f, &all_options, ERR_SHAPE,
                 "6 image positions are not a class token and a square of patches");
    params_free(&p);
}

static void test_weights__passes_over_the_buffers_of_real_files(void **state)
{
    const struct fixture *f = *state;
    struct params p = copy_params(f, "");
    static const char *const buffers[] = {"attn_mask", "input_resolution", "context_length", "vocab_size",
                                          "text_model.embeddings.position_ids"};
    for (size_t i = 0; i + 1 < sizeof buffers / sizeof buffers[0]; i++)
        assert_int_equal(params_add(&p, buffers[i], t_zeros(f->scope, SHAPE(2), DTYPE_I64, cpu)), OK);
    write_params(f, &p);
    struct weights *w = open_ok(f, &all_options);
    assert_int_equal(w->format, WEIGHTS_OPEN_CLIP); /* buffers alone do not make it an OpenAI archive */
    assert_int_equal(w->tensors.n, f->made->tensors.n);
    weights_close(w);
    params_free(&p);
}

/* The model's tensors with `prefix` before each name. */
static struct params wrap_params(const struct fixture *f, const char *prefix)
{
    struct params p = {0};
    for (size_t i = 0; i < f->made->tensors.n; i++) {
        char *name = str_format("%s%s", prefix, f->made->tensors.items[i].name);
        assert_int_equal(params_add(&p, name, f->made->tensors.items[i].value), OK);
        free(name);
    }
    return p;
}

static void test_weights__unwraps_checkpoints(void **state)
{
    const struct fixture *f = *state;
    static const char *const prefixes[] = {"state_dict.module.", "state_dict.", "module.",
                                           "module._orig_mod.",  "any/thing::", "x"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct params p = wrap_params(f, prefixes[i]);
        if (str_starts_with(prefixes[i], "state_dict."))
            assert_int_equal(params_add(&p, "optimizer.state.0.exp_avg", f->made->tensors.items[0].value),
                             OK);
        write_params(f, &p);
        struct weights *w = open_ok(f, &all_options);
        assert_int_equal(w->tensors.n, f->made->tensors.n);
        assert_string_equal(w->prefix, prefixes[i]);
        weights_close(w);
        params_free(&p);
    }
}

static void test_weights__refuses_a_choice_between_models(void **state)
{
    const struct fixture *f = *state;
    struct params p = wrap_params(f, "model.");
    struct params ema = wrap_params(f, "ema.");
    for (size_t i = 0; i < ema.n; i++)
        assert_int_equal(params_add(&p, ema.items[i].name, ema.items[i].value), OK);
    write_params(f, &p);
    expect_error(f, &all_options, ERR_FORMAT,
                 "holds 2 models, below the names 'model.', 'ema.': save the state dict of one of them");
    params_free(&ema);
    params_free(&p);
}

/* The tensors of the text tower below "text.", a scale that is a vector, and a bias: open_clip's
 * custom_text. */
static void test_weights__takes_open_clips_variants(void **state)
{
    const struct fixture *f = *state;
    struct params p = {0};
    for (size_t i = 0; i < f->made->tensors.n; i++) {
        const struct param *item = &f->made->tensors.items[i];
        const bool is_plain =
            str_starts_with(item->name, "visual.") || strcmp(item->name, "logit_scale") == 0;
        char *name = str_format("%s%s", is_plain ? "" : "text.", item->name);
        assert_int_equal(params_add(&p, name, item->value), OK);
        free(name);
    }
    replace(&p, "logit_scale", t_full(f->scope, SHAPE(1), 3.5, DTYPE_F32, cpu));
    assert_int_equal(params_add(&p, "logit_bias", t_full(f->scope, SHAPE(1), -10, DTYPE_F32, cpu)), OK);
    write_params(f, &p);
    struct weights *w = open_ok(f, &all_options);
    assert_int_equal(w->tensors.n, f->made->tensors.n);
    assert_int_equal(t_dim(params_find(&w->tensors, "logit_scale")), 0);
    assert_int_equal(w->notes.n, 2);
    assert_non_null(strstr(w->notes.items[0], "'text.'"));
    assert_string_equal(w->notes.items[1], "'logit_bias' is left out: it has no effect on a softmax");
    double scale = 0;
    assert_int_equal(t_item_f64(&scale, f->scope, params_find(&w->tensors, "logit_scale")), OK);
    assert_true(scale == 3.5);
    weights_close(w);
    params_free(&p);
}

static void test_weights__names_an_extra_tensor_beside_a_wrapped_model(void **state)
{
    const struct fixture *f = *state;
    tensor *any = f->made->tensors.items[0].value;
    const size_t n = f->made->tensors.n;
    char *message = str_format(
        "unexpected tensor 'surprise': the names of %zu of %zu tensors start with 'module.'", n, n + 1);
    static const char *const prefixes[] = {"module.", "state_dict.module."};
    for (size_t i = 0; i < 2; i++) {
        struct params p = wrap_params(f, prefixes[i]);
        assert_int_equal(params_add(&p, i == 0 ? "surprise" : "state_dict.surprise", any), OK);
        write_params(f, &p);
        expect_error(f, &all_options, ERR_FORMAT, message);
        params_free(&p);
    }
    free(message);
    static const char *const around[] = {"", "state_dict."}; /* here the outsider is inside */
    for (size_t i = 0; i < 2; i++) {
        struct params p = wrap_params(f, around[i]);
        char *name = str_format("%smodule.surprise", around[i]);
        assert_int_equal(params_add(&p, name, any), OK);
        free(name);
        write_params(f, &p);
        expect_error(f, &all_options, ERR_FORMAT, "unexpected tensor 'module.surprise'");
        params_free(&p);
    }
}

static void test_weights__refuses_other_image_encoders(void **state)
{
    const struct fixture *f = *state;
    struct params p = copy_params(f, "visual.");
    assert_int_equal(params_add(&p, "visual.layer1.0.conv1.weight", f->made->tensors.items[0].value), OK);
    write_params(f, &p);
    expect_error(f, NULL, ERR_FORMAT,
                 "this is a CLIP with a ResNet as its image encoder; only ViTs are supported");
    params_free(&p);

    p = copy_params(f, "visual.");
    assert_int_equal(params_add(&p, "visual.trunk.head.weight", f->made->tensors.items[0].value), OK);
    write_params(f, &p);
    expect_error(f, NULL, ERR_FORMAT,
                 "its image encoder is one of timm's models; only CLIP's own ViTs are supported");
    params_free(&p);
}

/* ---------------------------------------------------------------- other files */

static void test_weights__says_what_a_file_without_clip_holds(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *name;
        const char *message;
    } files[] = {
        {"vision_model.head.probe", "this is a SigLIP model; only CLIP models are supported"},
        {"decoder.film_mul.weight",
         "this is a CLIPSeg model, which adds a decoder of masks; only CLIP models are supported"},
        {"text_model.roberta.embeddings.weight",
         "this is an AltCLIP model: its text tower is XLM-RoBERTa; only "
         "CLIP's own text tower is supported"},
        {"text_model.final_layer_norm.weight",
         "holds only the text tower (a CLIPTextModel), not a whole CLIP model"},
        {"state_dict.ctx", "holds learned prompts (state_dict.ctx [2, 512]), not CLIP weights"},
        {"base_model.q_proj.lora_A.weight",
         "holds a LoRA adapter ('base_model.q_proj.lora_A.weight'): merge it into its model first "
         "(merge_and_unload) and save that"},
        {"optimizer.state.0.exp_avg",
         "holds an optimizer's state ('optimizer.state.0.exp_avg'), not a model"},
        {"head.weight", "holds no CLIP model; its tensors have other names: 'head.weight'"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct params p = {0};
        tensor *t = t_zeros(f->scope, SHAPE(2, 512), DTYPE_F32, cpu);
        assert_int_equal(params_add(&p, files[i].name, t), OK);
        write_params(f, &p);
        expect_error(f, NULL, ERR_FORMAT, files[i].message);
        params_free(&p);
    }
}

static void test_weights__refuses_folders_and_files_without_weights(void **state)
{
    const struct fixture *f = *state;
    struct weights *w = NULL;
    remove_files(f->dir);
    assert_int_equal(weights_open(&w, f->scope, f->dir, NULL), ERR_IO);
    assert_non_null(strstr(error_message(), "holds no weights (looked for model.safetensors,"));
    assert_int_equal(weights_open(&w, f->scope, f->path, NULL), ERR_IO);
    static const char *const files[][2] = {
        {"PK\x03\x04 and nothing more", "cannot be read: it is truncated"},
        {"some text", "was written neither by torch.save nor by torch.jit.save; it starts with 'some text'"},
        {"", "is empty"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:46\nsize 5\n", "is a git LFS pointer"},
        {"\n<!DOCTYPE html><html>", "is an HTML page"},
        {"<?xml version=\"1.0\"?>", "is XML, not weights"},
        {"GGUF\x03", "is a GGUF file"},
        {"\x89HDF\r\n\x1a\n", "is HDF5"},
        {"\x93NUMPY", "is an array of numpy"},
        {"\x84\xabvision", "holds weights of Flax"},
        {"\x08\x07\x12\x07pytorch", "is an ONNX graph"},
        {"\x80\x02}q", "was written neither by torch.save nor by torch.jit.save"},
        {"L119547037146038801333356L\n.I1001\n.", "cannot be read: its pickle ends early"},
    };
    char *path = path_join(f->dir, "model.pt");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_beside(f, "model.pt", files[i][0]);
        assert_int_equal(weights_open(&w, f->scope, path, NULL), ERR_FORMAT);
        if (!strstr(error_message(), files[i][1]))
            fail_msg("expected '%s', found '%s'", files[i][1], error_message());
    }
    assert_int_equal(weights_open(&w, f->scope, f->dir, NULL), ERR_IO);
    assert_non_null(
        strstr(error_message(), "holds 'model.pt', a file of another name: pass the file itself"));
    assert_true(scope_ok(f->scope)); /* a refused file leaves the caller's scope usable */
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_weights__opens_what_it_saved),
        TEST(test_weights__are_initialized_as_clip_is),
        TEST(test_weights__depend_on_seed_and_gain_alone),
        TEST(test_weights__names_missing_extra_and_misshaped_tensors),
        TEST(test_weights__passes_over_the_buffers_of_real_files),
        TEST(test_weights__unwraps_checkpoints),
        TEST(test_weights__refuses_a_choice_between_models),
        TEST(test_weights__takes_open_clips_variants),
        TEST(test_weights__names_an_extra_tensor_beside_a_wrapped_model),
        TEST(test_weights__refuses_other_image_encoders),
        TEST(test_weights__says_what_a_file_without_clip_holds),
        TEST(test_weights__refuses_folders_and_files_without_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
