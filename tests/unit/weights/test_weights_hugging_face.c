/* Weights in the layout of Hugging Face's CLIPModel. */
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

/* A block's names in Hugging Face's model after "layers.0.": of OpenAI's rows, `part` of `n_parts`. */
static const struct {
    const char *openai, *hugging_face;
    int64_t part, n_parts;
} block_names[] = {
    {"attn.in_proj_", "self_attn.q_proj.", 0, 3},
    {"attn.in_proj_", "self_attn.k_proj.", 1, 3},
    {"attn.in_proj_", "self_attn.v_proj.", 2, 3},
    {"attn.out_proj.", "self_attn.out_proj.", 0, 1},
    {"ln_1.", "layer_norm1.", 0, 1},
    {"ln_2.", "layer_norm2.", 0, 1},
    {"mlp.c_fc.", "mlp.fc1.", 0, 1},
    {"mlp.c_proj.", "mlp.fc2.", 0, 1},
};

/* The tensors outside of the blocks; two are transposed. */
static const struct {
    const char *openai, *hugging_face;
    bool is_transposed;
} whole_names[] = {
    {"token_embedding.weight", "text_model.embeddings.token_embedding.weight", false},
    {"positional_embedding", "text_model.embeddings.position_embedding.weight", false},
    {"ln_final.weight", "text_model.final_layer_norm.weight", false},
    {"ln_final.bias", "text_model.final_layer_norm.bias", false},
    {"text_projection", "text_projection.weight", true},
    {"logit_scale", "logit_scale", false},
    {"visual.class_embedding", "vision_model.embeddings.class_embedding", false},
    {"visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight", false},
    {"visual.positional_embedding", "vision_model.embeddings.position_embedding.weight", false},
    {"visual.ln_pre.weight", "vision_model.pre_layrnorm.weight", false},
    {"visual.ln_pre.bias", "vision_model.pre_layrnorm.bias", false},
    {"visual.ln_post.weight", "vision_model.post_layernorm.weight", false},
    {"visual.ln_post.bias", "vision_model.post_layernorm.bias", false},
    {"visual.proj", "visual_projection.weight", true},
};

static void add_block(struct params *p, const struct fixture *f, const char *openai, const char *hugging_face)
{
    static const char *const ends[] = {"weight", "bias"};
    for (size_t i = 0; i < 2 * sizeof block_names / sizeof block_names[0]; i++) {
        const int64_t part = block_names[i / 2].part, n_parts = block_names[i / 2].n_parts;
        char *from = str_format("%s%s%s", openai, block_names[i / 2].openai, ends[i % 2]);
        char *to = str_format("%s%s%s", hugging_face, block_names[i / 2].hugging_face, ends[i % 2]);
        const tensor *t = params_find(&f->made->tensors, from);
        const int64_t n = t_size(t, 0) / n_parts;
        assert_int_equal(params_add(p, to, t_contiguous(f->scope, t_narrow(f->scope, t, 0, part * n, n))),
                         OK);
        free(from);
        free(to);
    }
}

/* A file of transformers, with the buffers of its older versions. */
static void test_weights__reads_hugging_faces_tensors(void **state)
{
    const struct fixture *f = *state;
    struct params p = {0};
    for (size_t i = 0; i < sizeof whole_names / sizeof whole_names[0]; i++) {
        tensor *t = params_find(&f->made->tensors, whole_names[i].openai);
        if (whole_names[i].is_transposed)
            t = t_contiguous(f->scope, t_transpose(f->scope, t, 0, 1));
        assert_int_equal(params_add(&p, whole_names[i].hugging_face, t), OK);
    }
    add_block(&p, f, "transformer.resblocks.0.", "text_model.encoder.layers.0.");
    add_block(&p, f, "transformer.resblocks.1.", "text_model.encoder.layers.1.");
    add_block(&p, f, "visual.transformer.resblocks.0.", "vision_model.encoder.layers.0.");
    add_block(&p, f, "visual.transformer.resblocks.1.", "vision_model.encoder.layers.1.");
    tensor *positions = t_zeros(f->scope, SHAPE(1, 77), DTYPE_I64, cpu);
    assert_int_equal(params_add(&p, "text_model.embeddings.position_ids", positions), OK);
    assert_int_equal(params_add(&p, "vision_model.embeddings.position_ids", positions), OK);
    write_params(f, &p);
    params_free(&p);
    struct weights *w = open_ok(f, &all_options);
    assert_int_equal(w->tensors.n, f->made->tensors.n);
    for (size_t i = 0; i < w->tensors.n; i++) {
        const tensor *a = w->tensors.items[i].value;
        const tensor *b = params_find(&f->made->tensors, w->tensors.items[i].name);
        assert_int_equal(t_numel(a), t_numel(b));
        assert_memory_equal(t_data(a), t_data(b), (size_t)t_numel(a) * sizeof(float));
    }
    weights_close(w);
}

static void test_weights__says_which_hugging_face_tensor_is_missing(void **state)
{
    const struct fixture *f = *state;
    static const char *const names[] = {"vision_model.embeddings.patch_embedding.weight",
                                        "vision_model.encoder.layers.0.self_attn.q_proj.weight"};
    struct params p = {0};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(params_add(&p, names[i], params_find(&f->made->tensors, "visual.conv1.weight")), OK);
    write_params(f, &p);
    expect_error(f, NULL, ERR_FORMAT,
                 "holds only the image tower (a CLIPVisionModel), not a whole CLIP model");
    assert_int_equal(params_add(&p, "text_model.encoder.layers.0.mlp.fc1.weight",
                                params_find(&f->made->tensors, "transformer.resblocks.0.mlp.c_fc.weight")),
                     OK);
    write_params(f, &p);
    params_free(&p);
    expect_error(
        f, NULL, ERR_FORMAT,
        "missing tensors 'vision_model.embeddings.position_embedding.weight', "
        "'visual_projection.weight', 'vision_model.encoder.layers.0.mlp.fc1.weight', "
        "'text_model.embeddings.token_embedding.weight', 'text_model.final_layer_norm.weight' and 1 more");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_weights__reads_hugging_faces_tensors),
        TEST(test_weights__says_which_hugging_face_tensor_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
