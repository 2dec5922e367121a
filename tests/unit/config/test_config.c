/* The configuration: each rule of reading once, with the message that a user sees, and what is written back.
 */
#include "config_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/data/dataset.h"
#include "prompt/methods/method.h"
#include "prompt/nn/optim.h"

static int read_text(struct config *c, const char *text)
{
    return config_read_text(c, text, strlen(text), "c.json", CONFIG_FILE);
}

static void expect_refused(struct config *c, const char *text, const char *message)
{
    error_clear();
    assert_int_equal(read_text(c, text), ERR_USAGE);
    assert_string_equal(error_message(), message);
}

static void expect_set_refused(struct config *c, const char *assignment, const char *message)
{
    error_clear();
    assert_int_equal(config_set(c, assignment), ERR_USAGE);
    assert_string_equal(error_message(), message);
}

/* ---------------------------------------------------------------- table */

static void test_config__starts_with_the_papers_settings(void **state)
{
    const struct config *c = *state;
    assert_int_equal(c->method, METHOD_PROMPT);
    assert_int_equal(c->n_iterations, 2);
    assert_true(c->loss_weight == 1.0);
    assert_int_equal(c->vision_prompt_count, 8);
    assert_int_equal(c->vision_prompt_depth, 9);
    assert_int_equal(c->text_prompt_count, 5);
    assert_string_equal(c->zero_shot_template, "a photo of a {}.");
    assert_int_equal(c->data_classes, CLASS_SUBSET_BASE);
    assert_true(c->lr == 0.008);
    assert_int_equal(c->schedule, SCHEDULE_COSINE);
    assert_int_equal(c->augment, AUGMENT_RANDOM_CROP);
    assert_int_equal(c->precision, PRECISION_AUTO);
    assert_int_equal(c->seed, 1);
    for (size_t i = 0; i < config_n_keys(); i++)
        assert_int_equal(c->origins[i], CONFIG_DEFAULT);
}

/* config_write and config_nearest rely on this. */
static void test_config__keys_are_unique_and_sections_contiguous(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        assert_int_equal(config_find(key), i);
        const char *dot = strchr(key, '.');
        assert_true(!dot || !strchr(dot + 1, '.'));
        assert_true(config_key(i)->help[0] != '\0');
        size_t n = dot ? (size_t)(dot - key) + 1 : 0;
        bool was_left = false;
        for (size_t j = i + 1; n > 0 && j < config_n_keys(); j++) {
            bool is_inside = strncmp(config_key(j)->key, key, n) == 0;
            assert_false(is_inside && was_left);
            was_left = was_left || !is_inside;
        }
    }
}

static void test_config__enums_count_as_their_names(void **state)
{
    (void)state;
    assert_string_equal(method_kind_names[METHOD_CLIP], "clip");
    assert_string_equal(generator_input_names[GENERATOR_INPUT_RAW], "raw");
    assert_string_equal(schedule_names[SCHEDULE_CONSTANT], "constant");
    assert_string_equal(augment_names[AUGMENT_NONE], "none");
    assert_string_equal(encoder_names[ENCODER_PLAIN], "plain");
    assert_string_equal(precision_names[PRECISION_BF16], "bf16");
    assert_string_equal(precision_names[PRECISION_FP16], "fp16");
    assert_string_equal(precision_names[PRECISION_AUTO], "auto");
    assert_string_equal(class_subset_names[CLASS_SUBSET_NEW], "new");
    assert_null(class_subset_names[CLASS_SUBSET_NEW + 1]);
}

/* ---------------------------------------------------------------- reading */

static void test_config__reads_nested_objects_and_notes_the_origin(void **state)
{
    struct config *c = *state;
    expect_accepted(
        read_text(c, "\xEF\xBB\xBF{\"training\": {\"lr\": 0.5, \"shuffle\": false}, \"seed\": 4294967295,"
                     " \"data\": {\"classes\": \"new\", \"root\": \"d\\u00e9\"}}\r\n"));
    assert_true(c->lr == 0.5);
    assert_false(c->shuffle);
    assert_int_equal(c->seed, 4294967295);
    assert_int_equal(c->data_classes, CLASS_SUBSET_NEW);
    assert_string_equal(c->data_root, "d\xC3\xA9");
    assert_int_equal(c->origins[config_find("training.lr")], CONFIG_FILE);
    assert_int_equal(c->origins[config_find("training.epochs")], CONFIG_DEFAULT);
}

static void test_config__refuses_unknown_keys_with_the_nearest(void **state)
{
    struct config *c = *state;
    expect_refused(c, "{\n\"training\": {\n\"lrr\": 1}}",
                   "c.json:3: unknown key 'training.lrr'; did you mean 'training.lr'?");
    expect_refused(c, "{\"lr\": 1}", "c.json:1: unknown key 'lr'; did you mean 'training.lr'?");
    expect_refused(c, "{\n\n\"trainign\": {\"lr\": 1}}",
                   "c.json:3: unknown key 'trainign'; did you mean 'training'?");
    expect_refused(c, "{\"Seed\": 1}", "c.json:1: unknown key 'Seed'; did you mean 'seed'?");
    expect_refused(c, "{\"mixture_of_experts\": 1}",
                   "c.json:1: unknown key 'mixture_of_experts'; 'prompt config' lists the known ones");
    expect_refused(
        c, "{\"training.lr\": 1}",
        "c.json:1: key 'training.lr': expected nested objects, as in {\"training\": {\"lr\": ...}}");
}

static void test_config__refuses_wrong_types(void **state)
{
    struct config *c = *state;
    expect_refused(c, "{\n\"training\": {\"epochs\": 2.5}}",
                   "c.json:2: key 'training.epochs': expected a whole number from 1 to 100000, found 2.5");
    expect_refused(c, "{\"iterations\": \"2\"}",
                   "c.json:1: key 'iterations': expected a whole number from 0 to 16, found \"2\"");
    expect_refused(c, "{\"filter\": 1}", "c.json:1: key 'filter': expected true or false, found 1");
    expect_refused(c, "{\"training\": {\"lr\": null}}",
                   "c.json:1: key 'training.lr': expected a number from 0 to 1000, found null");
    expect_refused(c, "{\"device\": [0]}", "c.json:1: key 'device': expected a string, found an array");
    expect_refused(c, "{\"training\": 3}", "c.json:1: key 'training': expected an object, found a number");
    expect_refused(c, "{\"seed\": {\"a\": 1}}",
                   "c.json:1: key 'seed': expected a whole number from 0 to 4294967295, found an object");
    expect_refused(c, "[1]", "c.json:1: expected an object of keys, found an array");
}

static void test_config__refuses_values_out_of_range(void **state)
{
    struct config *c = *state;
    expect_refused(c, "{\"iterations\": 17}",
                   "c.json:1: key 'iterations': expected a whole number from 0 to 16, found 17");
    expect_refused(c, "{\"seed\": -1}",
                   "c.json:1: key 'seed': expected a whole number from 0 to 4294967295, found -1");
    expect_refused(c, "{\"training\": {\"momentum\": 1}}",
                   "c.json:1: key 'training.momentum': expected a number from 0 to 0.9999, found 1");
    expect_refused(c, "{\"context\": {\"position\": \"midle\"}}",
                   "c.json:1: key 'context.position': expected one of \"end\", \"middle\", found \"midle\"; "
                   "did you mean \"middle\"?");
    assert_int_equal(c->seed, 1);
    assert_int_equal(c->n_iterations, 2);
}

static void test_config__refuses_duplicates_and_broken_json_as_usage_errors(void **state)
{
    struct config *c = *state;
    expect_refused(c, "{\"seed\": 1,\n\"seed\": 2}", "c.json:2: key 'seed' appears twice in the same object");
    expect_refused(c, "{\"seed\": 1,\n}", "c.json:2: expected a key in double quotes, found '}'");
    assert_int_equal(config_read_file(c, "/no/such/config.json"), ERR_IO);
}

/* ---------------------------------------------------------------- command line */

static void test_config__set_takes_bare_and_quoted_words(void **state)
{
    struct config *c = *state;
    expect_accepted(config_set(c, "training.lr=0.004"));
    expect_accepted(config_set(c, "training.schedule=constant"));
    expect_accepted(config_set(c, "training.augment=\"none\""));
    expect_accepted(config_set(c, "filter=false"));
    expect_accepted(config_set(c, "zero_shot_template=a = {}"));
    expect_accepted(config_set(c, "device=\"cuda:1\""));
    expect_accepted(config_set(c, "model.activation="));
    assert_true(c->lr == 0.004);
    assert_int_equal(c->schedule, SCHEDULE_CONSTANT);
    assert_int_equal(c->augment, AUGMENT_NONE);
    assert_false(c->filter);
    assert_string_equal(c->zero_shot_template, "a = {}");
    assert_string_equal(c->device, "cuda:1");
    assert_int_equal(c->origins[config_find("training.lr")], CONFIG_COMMAND_LINE);
    expect_accepted(config_set_key(c, "data.root", "\"quoted\" folder"));
    assert_string_equal(c->data_root, "\"quoted\" folder");
}

static void test_config__set_refuses_with_the_key(void **state)
{
    struct config *c = *state;
    expect_set_refused(c, "training.lrr=1", "unknown key 'training.lrr'; did you mean 'training.lr'?");
    expect_set_refused(c, "seed", "expected key=value, found 'seed'");
    expect_set_refused(c, "seed=abc",
                       "key 'seed': expected a whole number from 0 to 4294967295, found 'abc'");
    expect_set_refused(c, "seed=", "key 'seed': expected a whole number from 0 to 4294967295, found ''");
    expect_set_refused(c, "seed=1e10",
                       "key 'seed': expected a whole number from 0 to 4294967295, found 10000000000");
    expect_set_refused(c, "filter=yes", "key 'filter': expected true or false, found 'yes'");
    expect_set_refused(c, "training.lr=nan",
                       "key 'training.lr': expected a number from 0 to 1000, found 'nan'");
    expect_set_refused(c, "training.schedule=cosin",
                       "key 'training.schedule': expected one of \"cosine\", \"constant\", "
                       "\"cosine_step\", found 'cosin'; did you mean \"cosine\"?");
    expect_set_refused(c, "encoder=", "key 'encoder': expected one of \"fast\", \"plain\", found ''");
    assert_int_equal(c->origins[config_find("seed")], CONFIG_DEFAULT);
}

static void test_config__later_sources_win(void **state)
{
    struct config *c = *state;
    expect_accepted(read_text(c, "{\"seed\": 2, \"iterations\": 3}"));
    expect_accepted(config_set(c, "seed=7"));
    assert_int_equal(c->seed, 7);
    assert_int_equal(c->n_iterations, 3);
    assert_int_equal(c->origins[config_find("seed")], CONFIG_COMMAND_LINE);
    assert_int_equal(c->origins[config_find("iterations")], CONFIG_FILE);
}

/* ---------------------------------------------------------------- writing */

static void test_config__written_text_reads_back_the_same(void **state)
{
    struct config *c = *state;
    expect_accepted(config_set(c, "training.lr=0.3333333333333333"));
    expect_accepted(config_set(c, "data.root=/data \"x\""));
    expect_accepted(config_set(c, "data.classes=all"));
    expect_accepted(config_set(c, "text_prompt.covers_sos=false"));
    struct str first = {0};
    expect_accepted(config_write(&first, c));

    struct config back;
    expect_accepted(config_init(&back));
    expect_accepted(config_read_text(&back, str_text(&first), first.len, "run/config.json", CONFIG_RUN));
    struct str second = {0};
    expect_accepted(config_write(&second, &back));
    assert_string_equal(str_text(&first), str_text(&second));
    assert_true(back.lr == c->lr);
    for (size_t i = 0; i < config_n_keys(); i++) /* every key but those of pre-training is written */
        assert_int_equal(back.origins[i],
                         config_key(i)->kind == CONFIG_PRETRAINING ? CONFIG_DEFAULT : CONFIG_RUN);
    str_free(&first);
    str_free(&second);
    config_free(&back);
}

static void test_config__a_recipe_is_the_keys_of_pretraining_and_the_seed(void **state)
{
    struct config *c = *state;
    struct str text = {0};
    expect_accepted(config_write_recipe(&text, c));
    struct config back;
    expect_accepted(config_init(&back));
    expect_accepted(config_read_text(&back, str_text(&text), text.len, "recipe", CONFIG_RUN));
    for (size_t i = 0; i < config_n_keys(); i++)
        if ((config_key(i)->kind == CONFIG_PRETRAINING) != (back.origins[i] == CONFIG_RUN))
            assert_string_equal(config_key(i)->key, "seed");
    assert_int_equal(back.origins[config_find("seed")], CONFIG_RUN);
    str_free(&text);
    config_free(&back);
}

static void test_config__writes_nested_json_in_table_order(void **state)
{
    struct config *c = *state;
    struct str text = {0};
    expect_accepted(config_write(&text, c));
    assert_true(str_starts_with(str_text(&text),
                                "{\n  \"method\": \"prompt\",\n  \"iterations\": 2,\n  \"lambda\": 1,\n"));
    assert_non_null(
        strstr(str_text(&text), "\n  \"filter\": true,\n  \"vision_prompt\": {\n    \"count\": 8,\n"));
    assert_non_null(strstr(str_text(&text), "\n    \"generator\": true\n  },\n  \"text_prompt\": {\n"));
    assert_true(str_ends_with(str_text(&text), "\n  \"threads\": 0\n}\n"));
    str_free(&text);
}

/* ---------------------------------------------------------------- checks that span keys */

static void expect_checked(const struct config *c, int (*check)(const struct config *), const char *message)
{
    error_clear();
    assert_int_equal(check(c), message[0] ? ERR_USAGE : OK);
    assert_string_equal(error_message(), message);
}

static void test_config__check_names_what_is_missing(void **state)
{
    struct config *c = *state;
    expect_checked(c, config_check, "no data folder is given: pass --data DIR, or set the key 'data.root'");
    expect_accepted(config_set(c, "data.root=d"));
    expect_checked(c, config_check,
                   "no data set is given: pass --dataset NAME, or set the key 'data.dataset'");
    expect_accepted(config_set(c, "data.dataset=caltech101"));
    expect_checked(c, config_check, "no model is given: pass --model FILE, or set the key 'model.path'");
    expect_accepted(config_set(c, "model.path=m"));
    expect_checked(c, config_check_training, "");

    expect_accepted(config_set(c, "zero_shot_template=a photo"));
    expect_checked(c, config_check,
                   "key 'zero_shot_template': expected \"dataset\", \"imagenet_seven\" or a sentence with "
                   "one {}, found \"a photo\"");
    expect_accepted(config_set(c, "zero_shot_template=dataset"));
    expect_accepted(config_set(c, "model.activation=relu"));
    expect_checked(c, config_check,
                   "key 'model.activation': expected \"quick_gelu\", \"gelu\" or \"\", found \"relu\"");
}

static void test_config__check_refuses_training_without_effect(void **state)
{
    struct config *c = *state;
    expect_accepted(
        read_text(c, "{\"data\": {\"root\": \"d\", \"dataset\": \"s\"}, \"model\": {\"path\": \"m\"},"
                     " \"training\": {\"epochs\": 1}}"));
    expect_checked(
        c, config_check_training,
        "training.warmup_epochs (1) leaves no epoch of training.epochs (1) at the rate training.lr");
    expect_accepted(config_set(c, "training.warmup_epochs=0"));
    expect_checked(c, config_check_training, "");
    assert_true(config_trains(c));
    expect_accepted(config_set(c, "iterations=0"));
    assert_false(config_trains(c));
    expect_checked(c, config_check_training,
                   "iterations is 0, which is CLIP itself and trains nothing: "
                   "evaluate it with prompt eval --config configs/zeroshot.json");
    expect_checked(c, config_check, "");
    expect_accepted(config_set(c, "method=clip"));
    expect_checked(c, config_check_training, "method clip trains nothing: evaluate it with prompt eval");
    expect_checked(c, config_check, "");
}

static void test_config__a_key_of_another_command_is_an_error(void **state)
{
    struct config *c = *state;
    expect_accepted(config_set(c, "data.root=/d"));
    expect_accepted(config_set(c, "data.dataset=caltech101"));
    expect_accepted(config_set(c, "model.path=m"));
    expect_checked(c, config_check, "");
    expect_checked(c, config_check_pretraining, "");
    expect_accepted(config_set(c, "pretrain.lr=0.01"));
    expect_checked(c, config_check,
                   "key 'pretrain.lr' means nothing to this command, only to prompt pretrain");
    expect_accepted(config_set(c, "training.lr=0.01"));
    expect_checked(c, config_check_pretraining, "key 'training.lr' means nothing to prompt pretrain");
}

static void test_config__a_split_file_is_of_the_training_set_alone(void **state)
{
    struct config *c = *state;
    expect_accepted(config_set(c, "data.dataset=csv"));
    expect_accepted(config_set(c, "data.split_file=/list.csv"));
    expect_accepted(config_set(c, "data.image_dir=/images"));
    const struct dataset_options own = config_dataset_options(c, "csv"),
                                 other = config_dataset_options(c, "dtd");
    assert_string_equal(own.split_file, "/list.csv");
    assert_string_equal(own.image_dir, "/images");
    assert_null(other.split_file);
    assert_null(other.image_dir);
}

static void test_config__a_key_of_another_method_is_an_error(void **state)
{
    struct config *c = *state;
    expect_accepted(config_set(c, "method=coop"));
    expect_accepted(config_set(c, "lora.rank=2")); /* as it is anyway: config.json of a run has all keys */
    expect_accepted(config_settle(c));
    static const char *const keys[] = {"lora.rank=4",
                                       "two_stage.share=0.5",
                                       "tip_adapter.beta=2",
                                       "views.count=3",
                                       "linear_probe.inverse_penalty=1",
                                       "context.depth=3"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct config other = {0};
        char message[128];
        expect_accepted(config_init(&other));
        expect_accepted(config_set(&other, "method=coop"));
        expect_accepted(config_set(&other, keys[i]));
        snprintf(message, sizeof message, "key '%.*s' means nothing to method coop",
                 (int)strcspn(keys[i], "="), keys[i]);
        assert_int_equal(config_settle(&other), ERR_USAGE);
        assert_string_equal(error_message(), message);
        config_free(&other);
    }
    error_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_unit_test(test_config__starts_with_the_papers_settings),
        config_unit_test(test_config__keys_are_unique_and_sections_contiguous),
        config_unit_test(test_config__enums_count_as_their_names),
        config_unit_test(test_config__reads_nested_objects_and_notes_the_origin),
        config_unit_test(test_config__refuses_unknown_keys_with_the_nearest),
        config_unit_test(test_config__refuses_wrong_types),
        config_unit_test(test_config__refuses_values_out_of_range),
        config_unit_test(test_config__refuses_duplicates_and_broken_json_as_usage_errors),
        config_unit_test(test_config__set_takes_bare_and_quoted_words),
        config_unit_test(test_config__set_refuses_with_the_key),
        config_unit_test(test_config__later_sources_win),
        config_unit_test(test_config__written_text_reads_back_the_same),
        config_unit_test(test_config__a_recipe_is_the_keys_of_pretraining_and_the_seed),
        config_unit_test(test_config__a_split_file_is_of_the_training_set_alone),
        config_unit_test(test_config__a_key_of_another_command_is_an_error),
        config_unit_test(test_config__writes_nested_json_in_table_order),
        config_unit_test(test_config__check_names_what_is_missing),
        config_unit_test(test_config__check_refuses_training_without_effect),
        config_unit_test(test_config__a_key_of_another_method_is_an_error),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
