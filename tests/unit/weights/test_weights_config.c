/* Facts that a file does not hold: heads, activation, epsilon, and the name of a published archive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "known.h"
#include "model_config.h"
#include "prompt/base/path.h"
#include "weights_files.h"

/* ---------------------------------------------------------------- heads, activation, epsilon */

static void test_weights__does_not_guess_heads(void **state)
{
    const struct fixture *f = *state;
    struct params p = copy_params(f, "");
    write_params(f, &p);
    params_free(&p);
    expect_error(
        f, NULL, ERR_FORMAT,
        "the file does not specify heads, activation or epsilon: put its config.json (Hugging Face) or "
        "open_clip_config.json beside it, or set model.vision_heads, model.text_heads, model.activation, "
        "model.norm_eps");
    const struct weights_options some = {.vision_heads = 4, .norm_eps = 1e-5};
    expect_error(
        f, &some, ERR_FORMAT,
        "the file does not specify heads, activation or epsilon: put its config.json (Hugging Face) or "
        "open_clip_config.json beside it, or set model.text_heads, model.activation");
    struct weights_options wrong = all_options;
    wrong.text_heads = 5;
    expect_error(f, &wrong, ERR_FORMAT, "text tower: width 32 does not divide into 5 heads");
    wrong = all_options;
    wrong.activation = "relu";
    expect_error(f, &wrong, ERR_USAGE,
                 "model.activation: activation 'relu' is not supported (quick_gelu and gelu are)");
    struct weights *w = open_ok(f, &all_options);
    assert_int_equal(w->dims.text.n_heads, 2);
    assert_int_equal(w->dims.vision.activation, ACTIVATION_GELU);
    assert_true(w->dims.vision.norm_eps == 1e-6);
    weights_close(w);
}

static void test_weights__reads_open_clips_configuration(void **state)
{
    const struct fixture *f = *state;
    struct params p = copy_params(f, "");
    write_params(f, &p);
    params_free(&p);
    write_beside(f, "open_clip_config.json",
                 "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16, \"width\": 32, \"head_width\": 8},\n"
                 "\"text_cfg\": {\"heads\": 4, \"norm_kwargs\": {\"eps\": 1e-6}}}}");
    struct weights *w = open_ok(f, NULL);
    assert_int_equal(w->dims.vision.n_heads, 4);
    assert_int_equal(w->dims.text.n_heads, 4);
    assert_int_equal(w->dims.text.activation, ACTIVATION_GELU); /* open_clip's default */
    assert_true(w->dims.vision.norm_eps == 1e-5 && w->dims.text.norm_eps == 1e-6);
    weights_close(w);

    char *path = path_join(f->dir, "open_clip_config.json");
    static const struct {
        const char *vision;
        const char *message;
    } cases[] = {
        {"\"width\": 64", "2: 'width' is 64, but the tensors say 32: is this another model's configuration?"},
        {"\"timm_model_name\": \"x\"",
         "2: 'model_cfg.vision_cfg.timm_model_name' \"x\": only plain CLIP is supported"},
        {"\"head_width\": \"8\"", "2: 'head_width': expected a whole number, found a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text =
            str_format("{\"model_cfg\": {\"text_cfg\": {}, \"vision_cfg\": {\"image_size\": 16,\n%s}}}",
                       cases[i].vision);
        char *message = str_format("%s:%s", path, cases[i].message);
        write_beside(f, "open_clip_config.json", text);
        expect_error(f, NULL, ERR_FORMAT, message);
        free(text);
        free(message);
    }
    free(path);
}

/* ---------------------------------------------------------------- published archives */

/* OpenAI's heads are 64 wide, in each tower by its own width. */
static void test_weights__openais_archives_have_their_own_facts(void **state)
{
    (void)state;
    struct weights w = {.dims = {.image_px = 224, .vision.width = 768, .text.width = 512}};
    const struct weights_origin origin = {.path = "ViT-B-16.pt", .is_openai_archive = true};
    struct weights_facts facts;
    bool is_ours = true;
    assert_int_equal(weights_read_facts(&facts, &is_ours, &w, &origin, NULL), OK);
    assert_false(is_ours);
    assert_int_equal(facts.vision.n_heads, 12);
    assert_int_equal(facts.text.n_heads, 8);
    assert_int_equal(facts.text.activation, ACTIVATION_QUICK_GELU);
}

static void test_weights__knows_the_published_archives(void **state)
{
    (void)state;
    static const char *const vits[] = {"ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px"};
    size_t n_vits = 0;
    size_t n = 0;
    for (const struct weights_archive *a = weights_known_archives; a->name; a++, n++) {
        assert_string_equal(weights_known_name(a->sha256), a->name);
        assert_int_equal(strlen(a->sha256), 64);
        assert_int_equal(strspn(a->sha256, "0123456789abcdef"), 64);
        for (size_t i = 0; i < sizeof vits / sizeof vits[0]; i++)
            n_vits += strcmp(a->name, vits[i]) == 0;
        for (const struct weights_archive *b = weights_known_archives; b < a; b++) {
            assert_string_not_equal(a->name, b->name);
            assert_string_not_equal(a->sha256, b->sha256);
        }
    }
    assert_int_equal(n_vits, 4);
    assert_int_equal(n, 9);
    assert_null(weights_known_name("5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416e"));
    assert_null(weights_known_name(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_weights__does_not_guess_heads),
        TEST(test_weights__reads_open_clips_configuration),
        cmocka_unit_test(test_weights__openais_archives_have_their_own_facts),
        cmocka_unit_test(test_weights__knows_the_published_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
