/* The presets hold the settings of the papers and their authors' code. */
#include "config_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_presets__presets_are_the_papers_settings(void **state)
{
    struct config *c = *state;
    struct str text = {0};
    struct str preset_text = {0};
    expect_accepted(config_write(&text, c));
    expect_accepted(config_read_file(c, CONFIGS_DIR "/base2new.json"));
    expect_accepted(config_write(&preset_text, c));
    assert_string_equal(str_text(&preset_text), str_text(&text)); /* the defaults are this protocol */
    /* Every key that defines the experiment is explicit, but for
     * what the user gives, the files say, and other methods have. */
    for (size_t i = 0; i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        bool is_given = strcmp(key, "seed") == 0 || strcmp(key, "data.dataset") == 0 ||
                        strcmp(key, "encoder") == 0 || strcmp(key, "data.split_seed") == 0 ||
                        strcmp(key, "data.skip_bad_images") == 0 ||
                        strcmp(key, "zero_shot_templates_sha256") == 0 || str_starts_with(key, "model.") ||
                        str_starts_with(key, "context.");
        if (config_key(i)->kind == CONFIG_EXPERIMENT && !is_given && c->origins[i] != CONFIG_FILE)
            fail_msg("configs/base2new.json does not say '%s'", key);
    }

    expect_accepted(config_read_file(c, CONFIGS_DIR "/cross_dataset.json"));
    assert_int_equal(c->vision_prompt_depth, 3);
    assert_int_equal(c->epochs, 2);
    assert_true(c->lr == 0.0024);
    assert_int_equal(c->data_classes, CLASS_SUBSET_ALL);

    expect_accepted(config_read_file(c, CONFIGS_DIR "/zeroshot.json"));
    assert_int_equal(c->method, METHOD_CLIP);
    assert_string_equal(c->zero_shot_template, "dataset");
    str_free(&text);
    str_free(&preset_text);
}

/* Numbers of the authors' configurations and scripts (src/methods/README.md names them). */
static void test_presets__presets_of_other_methods_are_their_authors_settings(void **state)
{
    static const struct {
        const char *preset, *values[12]; /* a key, its value */
    } presets[] = {
        {"base2new/kgcoop",
         {"training.lr", "0.002", "training.epochs", "100", "training.batch_size", "128", "context.count",
          "4", "agreement.text_weight", "8", "agreement.templates", "\"kgcoop\""}},
        {"cross_dataset/kgcoop", {"data.shots", "4", "data.classes", "\"all\""}},
        {"base2new/ivlp",
         {"training.lr", "0.0025", "training.epochs", "20", "vision_prompt.count", "4", "context.count", "4",
          "vision_prompt.depth", "9", "context.depth", "9"}},
        {"base2new/promptsrc",
         {"training.epochs", "20", "agreement.text_weight", "25", "agreement.image_weight", "10",
          "agreement.logits_weight", "1", "average.mean", "15", "average.deviation", "1"}},
        {"cross_dataset/promptsrc",
         {"training.epochs", "20", "vision_prompt.depth", "3", "context.depth", "3", "average.mean", "6",
          "average.deviation", "10"}},
        {"fewshot/promptsrc", {"training.epochs", "50", "average.mean", "30", "average.deviation", "30"}},
        {"base2new/maple",
         {"training.lr", "0.0035", "training.epochs", "5", "training.batch_size", "4", "context.count", "2",
          "context.depth", "9"}},
        {"cross_dataset/maple", {"training.lr", "0.0026", "training.epochs", "2", "context.depth", "3"}},
        {"fewshot/linear_probe", {"views.count", "0", "linear_probe.inverse_penalty", "0"}},
        {"fewshot/lp_plus_plus", {"views.count", "1", "training.crop_scale_min", "0.5"}},
        {"fewshot/tip_adapter",
         {"views.count", "10", "tip_adapter.alpha", "1.17", "tip_adapter.beta", "1", "tip_adapter.alpha_max",
          "3", "tip_adapter.beta_max", "7"}},
        {"fewshot/tip_adapter_f",
         {"training.epochs", "20", "training.batch_size", "256", "training.lr", "0.001",
          "tip_adapter.train_keys", "true", "views.fresh", "true"}},
        {"fewshot/clip_lora",
         {"training.steps_per_shot", "500", "training.batch_size", "32", "training.lr", "0.0002", "lora.rank",
          "2", "lora.alpha", "1", "lora.dropout", "0.25"}},
        {"fewshot/two_stage",
         {"training.steps_per_shot", "300", "training.batch_size", "32", "training.lr", "0.0002",
          "two_stage.share", "0.6", "training.min_lr", "1e-06"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        struct config c = {0};
        char path[512];
        snprintf(path, sizeof path, "%s/%s.json", CONFIGS_DIR, presets[i].preset);
        expect_accepted(config_init(&c));
        expect_accepted(config_read_file(&c, path));
        for (size_t k = 0; k < 12 && presets[i].values[k]; k += 2) {
            struct str text = {0};
            config_write_value(&text, &c, config_find(presets[i].values[k]));
            if (strcmp(str_text(&text), presets[i].values[k + 1]) != 0)
                fail_msg("%s: %s is %s, expected %s", presets[i].preset, presets[i].values[k],
                         str_text(&text), presets[i].values[k + 1]);
            str_free(&text);
        }
        config_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_unit_test(test_presets__presets_are_the_papers_settings),
        cmocka_unit_test(test_presets__presets_of_other_methods_are_their_authors_settings),
    };
    return cmocka_run_group_tests_name("presets", tests, NULL, NULL);
}
