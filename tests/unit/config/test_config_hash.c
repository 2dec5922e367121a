/* The hash of an experiment: what enters it, and that it is the same as ever for what was there before. */
#include "config_state.h"

#include <stdlib.h>
#include <string.h>

static void test_config__hash_sees_the_experiment_and_not_the_place(void **state)
{
    struct config *c = *state;
    char before[DIGEST_HEX_SIZE];
    char after[DIGEST_HEX_SIZE];
    expect_accepted(config_hash(before, c));
    const char *const places[] = {"model.path=a",   "model.merges=b",   "data.root=c",
                                  "data.workers=3", "data.cache_mib=1", "training.check_images=0",
                                  "device=cpu",     "threads=1",        "evaluation.batch_size=2"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        expect_accepted(config_set(c, places[i]));
    expect_accepted(config_hash(after, c));
    assert_string_equal(before, after);
    expect_accepted(config_set(c, "seed=2"));
    expect_accepted(config_hash(after, c));
    assert_string_not_equal(before, after);
}

/* What stands in records and checkpoints of runs from before the keys of kind ADDITION. */
static void test_config__a_later_key_is_hashed_only_off_its_default(void **state)
{
    struct config *c = *state;
    char before[DIGEST_HEX_SIZE];
    char after[DIGEST_HEX_SIZE];
    expect_accepted(config_read_file(c, CONFIGS_DIR "/base2new.json"));
    expect_accepted(config_hash(before, c));
    assert_string_equal(before, "f968c1f02dbc380fa4cd047914351270f8d8b3f9c080c5a9533ee74c3c26b4cd");
    for (size_t i = 0; i < config_n_keys(); i++) {
        if (config_key(i)->kind != CONFIG_ADDITION)
            continue;
        struct str set = {0};
        str_appendf(&set, "%s=%s", config_key(i)->key, config_key(i)->default_text);
        expect_accepted(config_set(c, str_text(&set)));
        expect_accepted(config_hash(after, c));
        assert_string_equal(before, after);
        str_free(&set);
    }
    expect_accepted(config_set(c, "model.resize_mode=squash"));
    expect_accepted(config_hash(after, c));
    assert_string_not_equal(before, after);
    struct str text = {0};
    expect_accepted(config_write_experiment(&text, c));
    assert_non_null(strstr(str_text(&text), "\"resize_mode\": \"squash\""));
    assert_null(strstr(str_text(&text), "accept_unknown"));
    str_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_unit_test(test_config__hash_sees_the_experiment_and_not_the_place),
        config_unit_test(test_config__a_later_key_is_hashed_only_off_its_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
