/* A model's preprocessing as given by its files. tests/parity compares pixels with the peers'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prompt/base/path.h"
#include "weights_files.h"

static const char OPEN_CLIP[] =
    "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16, \"head_width\": 16}, \"text_cfg\": "
    "{\"heads\": 2}}, \"preprocess_cfg\": {\n%s}}";
static const char CONFIG[] = "{\"model_type\": \"clip\", \"vision_config\": {\"num_attention_heads\": 2}, "
                             "\"text_config\": {\"num_attention_heads\": 2}}";

static void strip(const struct fixture *f)
{
    struct params p = copy_params(f, "");
    write_params(f, &p);
    params_free(&p);
}

static char *line_of(const struct weights *w)
{
    struct str line = {0};
    preprocess_describe(&line, &w->preprocess);
    assert_int_equal(str_status(&line), OK);
    return line.data;
}

static void expect_line(const struct fixture *f, const struct weights_options *options, const char *want)
{
    struct weights *w = open_ok(f, options);
    char *line = line_of(w);
    assert_string_equal(line, want);
    free(line);
    weights_close(w);
}

#define OPENAI_STATISTICS "mean 0.48145466 0.4578275 0.40821073, std 0.26862954 0.26130258 0.27577711"
static const char OPENAI[] = "shortest, bicubic, " OPENAI_STATISTICS;

static void test_preprocess__open_clips_is_read(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *members, *line;
    } cases[] = {
        {"", OPENAI},
        {"\"mean\": null, \"std\": [], \"interpolation\": \"\", \"resize_mode\": null, \"fill_color\": 0",
         OPENAI},
        {"\"mean\": 0, \"size\": 336, \"mode\": \"RGB\", \"interpolation\": \"random\"",
         OPENAI}, /* like open_clip */
        {"\"mean\": [0.5, 0.5, 0.5], \"std\": 0.5", "shortest, bicubic, mean 0.5 0.5 0.5, std 0.5 0.5 0.5"},
        {"\"resize_mode\": \"squash\", \"interpolation\": \"bilinear\"",
         "squash, bilinear, " OPENAI_STATISTICS},
        {"\"resize_mode\": \"longest\", \"fill_color\": 127",
         "longest, bicubic, " OPENAI_STATISTICS ", fill 127 127 127"},
        {"\"fill_color\": [1, 2, 3]", "shortest, bicubic, " OPENAI_STATISTICS ", fill 1 2 3"},
    };
    strip(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = str_format(OPEN_CLIP, cases[i].members);
        write_beside(f, "open_clip_config.json", text);
        free(text);
        expect_line(f, NULL, cases[i].line);
    }
}

static void test_preprocess__hugging_faces_is_read(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"{\"size\": 16, \"crop_size\": 16, \"feature_extractor_type\": \"CLIPFeatureExtractor\"}", OPENAI},
        {"{\"size\": {\"shortest_edge\": 16}, \"crop_size\": {\"height\": 16, \"width\": 16}, \"resample\": "
         "3,\n"
         "\"do_rescale\": true, \"rescale_factor\": 0.00392156862745098, \"do_convert_rgb\": true}",
         OPENAI},
        {"{\"size\": {\"shortest_edge\": 20}, \"crop_size\": [16, 16], \"resample\": 2, \"image_mean\": "
         "[0.5, 0.5, 0.5]}",
         "shortest to 20 px, crop of 16 px, bilinear, mean 0.5 0.5 0.5, std 0.26862954 0.26130258 "
         "0.27577711"},
        {"{\"size\": {\"height\": 16, \"width\": 16}, \"do_center_crop\": false, \"do_normalize\": false}",
         "squash, bicubic, mean 0 0 0, std 1 1 1"},
        {"{\"size\": 16, \"default_to_square\": true, \"do_center_crop\": false}",
         "squash, bicubic, " OPENAI_STATISTICS},
        {"{\"do_resize\": false, \"crop_size\": 16, \"do_rescale\": false}",
         "none, bicubic, " OPENAI_STATISTICS ", scale 1"},
        /* transformers: a list is height and width, a null switch is off */
        {"{\"size\": [20, 20], \"crop_size\": 16}",
         "squash to 20 px, crop of 16 px, bicubic, " OPENAI_STATISTICS},
        {"{\"size\": [16, 16], \"do_center_crop\": null, \"crop_size\": null, \"do_normalize\": null}",
         "squash, bicubic, mean 0 0 0, std 1 1 1"},
        {"{\"do_resize\": null, \"crop_size\": 16, \"do_rescale\": null}",
         "none, bicubic, " OPENAI_STATISTICS ", scale 1"},
    };
    strip(f);
    write_beside(f, "config.json", CONFIG);
    expect_line(f, NULL, OPENAI); /* without a file */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_beside(f, "preprocessor_config.json", cases[i].text);
        expect_line(f, NULL, cases[i].line);
    }
    /* transformers 5's file wins if an image processor is nested in it */
    write_beside(f, "processor_config.json", "{\"processor_class\": \"CLIPProcessor\"}");
    expect_line(f, NULL, "none, bicubic, " OPENAI_STATISTICS ", scale 1");
    write_beside(f, "processor_config.json",
                 "{\"image_processor\": {\"size\": 16, \"crop_size\": 16, \"image_std\": 0.5}}");
    expect_line(f, NULL, "shortest, bicubic, mean 0.48145466 0.4578275 0.40821073, std 0.5 0.5 0.5");
}

static void test_preprocess__what_cannot_be_followed_is_named(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *members, *message;
    } open_clip[] = {
        {"\"mode\": \"L\"", "'preprocess_cfg.mode' \"L\": only plain CLIP is supported (\"RGB\")"},
        {"\"mean\": [0.5, 0.5]", "'mean': expected one number, or three"},
        {"\"std\": [0.5, 0, 0.5]", "'std': expected numbers above 0"},
        {"\"interpolation\": \"lanczos\"",
         "'interpolation': expected bicubic, bilinear or random, found \"lanczos\""},
        {"\"resize_mode\": \"crop\"", "'resize_mode': expected shortest, longest or squash, found \"crop\""},
        {"\"resize_mode\": 3", "'resize_mode': expected a string, found a number"},
        {"\"fill_color\": 256", "'fill_color': expected whole numbers from 0 to 255"},
    };
    static const struct {
        const char *members, *message;
    } hugging_face[] = {
        {"\"crop_size\": 16, \"resample\": 0",
         "'resample': expected 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)"},
        {"\"crop_size\": 224", "'crop_size' is 224, but the model takes 16 pixels"},
        {"\"crop_size\": 8", "'crop_size' is 8, but the model takes 16 pixels"},
        {"\"crop_size\": {\"height\": 16, \"width\": 20}", "'crop_size': only squares are supported"},
        {"\"crop_size\": 16, \"do_center_crop\": false",
         "'do_center_crop': without a crop, pictures do not have the size that the model takes"},
        {"\"crop_size\": 16, \"do_center_crop\": null",
         "'do_center_crop': without a crop, pictures do not have the size that the model takes"},
        {"\"crop_size\": 16, \"size\": {\"longest_edge\": 16}",
         "'size': expected a number, 'shortest_edge', or 'height' and 'width'"},
        {"\"image_processor_type\": \"SiglipImageProcessor\"",
         "'image_processor_type' is \"SiglipImageProcessor\": only CLIPImageProcessor is supported"},
        {"\"crop_size\": 16, \"resample\": null", "'resample': expected a value, found null"},
        {"\"crop_size\": 16, \"image_mean\": null", "'image_mean': expected a value, found null"},
        {"\"crop_size\": 16, \"rescale_factor\": 0", "'rescale_factor': expected a number above 0"},
        {"\"crop_pct\": 0.9", "'crop_pct' is unknown and may change what the model computes; if it does not, "
                              "set model.accept_unknown=true"},
    };
    strip(f);
    char *not_finite = str_format(OPEN_CLIP, "\"std\": 1e-50");
    write_beside(f, "open_clip_config.json", not_finite);
    free(not_finite);
    char *reason =
        str_format("%s/open_clip_config.json: a mean of 0.481455 and a standard deviation of 1e-50 "
                   "make pixels that are not finite",
                   f->dir);
    expect_error(f, NULL, ERR_FORMAT, reason);
    free(reason);
    for (size_t i = 0; i < sizeof open_clip / sizeof open_clip[0]; i++) {
        char *text = str_format(OPEN_CLIP, open_clip[i].members);
        char *message = str_format("%s/open_clip_config.json:2: %s", f->dir, open_clip[i].message);
        write_beside(f, "open_clip_config.json", text);
        expect_error(f, NULL, ERR_FORMAT, message);
        free(text);
        free(message);
    }
    char *path = path_join(f->dir, "open_clip_config.json");
    assert_int_equal(unlink(path), 0);
    free(path);
    write_beside(f, "config.json", CONFIG);
    for (size_t i = 0; i < sizeof hugging_face / sizeof hugging_face[0]; i++) {
        char *text = str_format("{\n%s}", hugging_face[i].members);
        char *message = str_format("%s/preprocessor_config.json:2: %s", f->dir, hugging_face[i].message);
        write_beside(f, "preprocessor_config.json", text);
        expect_error(f, NULL, ERR_FORMAT, message);
        free(text);
        free(message);
    }
}

static void test_preprocess__it_goes_with_a_converted_file(void **state)
{
    const struct fixture *f = *state;
    struct weights *w = open_ok(f, NULL);
    assert_null(
        metadata_get(&w->file->metadata, "prompt.image_mean")); /* OpenAI's: the same bytes as before */
    w->preprocess.resize_mode = RESIZE_LONGEST;
    w->preprocess.resize_px = 20;
    w->preprocess.interpolation = INTERPOLATION_HAMMING;
    w->preprocess.mean[0] = 1.0 / 3.0;
    w->preprocess.std[2] = 0.5;
    w->preprocess.fill[1] = 255;
    w->preprocess.scale = 0.5;
    char *path = path_join(f->dir, "converted.safetensors");
    assert_int_equal(weights_save(w, path), OK);
    struct weights *back = NULL;
    assert_int_equal(weights_open(&back, f->scope, path, NULL), OK);
    assert_int_equal(back->format, WEIGHTS_PROMPT);
    char *want = line_of(w), *got = line_of(back);
    assert_string_equal(got, want);
    free(want);
    free(got);
    free(path);
    weights_close(back);
    weights_close(w);
}

static void test_preprocess__keys_stand_over_the_files(void **state)
{
    const struct fixture *f = *state;
    strip(f);
    char *text = str_format(OPEN_CLIP, "\"mean\": 0.1, \"resize_mode\": \"longest\"");
    write_beside(f, "open_clip_config.json", text);
    free(text);
    struct weights_options o = {.image_mean = "0.5", .image_std = "0.1,0.2,0.3", .interpolation = "box"};
    expect_line(f, &o, "longest, box, mean 0.5 0.5 0.5, std 0.1 0.2 0.3");
    o.resize_mode = "squash";
    expect_line(f, &o, "squash, box, mean 0.5 0.5 0.5, std 0.1 0.2 0.3");
    o.image_std = "0";
    expect_error(f, &o, ERR_USAGE, "model.image_std: expected numbers above 0, found \"0\"");
    o.image_std = "1e-50";
    expect_error(f, &o, ERR_USAGE, "model.image_mean, model.image_std: the pixels would not be finite");
    o = (struct weights_options){.resize_mode = "crop"};
    expect_error(f, &o, ERR_USAGE,
                 "model.resize_mode: expected one of shortest, longest, squash, none, found \"crop\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_preprocess__open_clips_is_read),
        TEST(test_preprocess__hugging_faces_is_read),
        TEST(test_preprocess__what_cannot_be_followed_is_named),
        TEST(test_preprocess__it_goes_with_a_converted_file),
        TEST(test_preprocess__keys_stand_over_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
