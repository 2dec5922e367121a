/* Which keys tell two experiments apart: every key of the table once, against the list of free ones here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "prompt/report/experiment.h"

/* Runs of one experiment may differ in these. data.dataset and precision have rules of their own below. */
static const char *const free_keys[] = {"data.skip_bad_images",
                                        "seed",
                                        "encoder",
                                        "model.vision_heads",
                                        "model.text_heads",
                                        "model.activation",
                                        "model.norm_eps",
                                        "model.image_mean",
                                        "model.image_std",
                                        "model.interpolation",
                                        "model.resize_mode",
                                        "model.accept_unknown"};

static bool is_free(const struct config_key *key)
{
    bool found = key->kind == CONFIG_RUNTIME || strcmp(key->key, "data.dataset") == 0 ||
                 strcmp(key->key, "precision") == 0 || strcmp(key->key, "products") == 0;
    for (size_t i = 0; i < sizeof free_keys / sizeof free_keys[0]; i++)
        found = found || strcmp(key->key, free_keys[i]) == 0;
    return found;
}

static void set(struct config *c, const char *assignment)
{
    if (config_set(c, assignment) != OK)
        fail_msg("%s", error_message());
}

static void open_pair(struct config *expected, struct config *run)
{
    assert_int_equal(config_init(expected), OK);
    assert_int_equal(config_init(run), OK);
    set(expected, "data.dataset=dtd");
    set(run, "data.dataset=dtd");
}

/* "key=value" with another value than the default's; to be freed. */
static char *change(size_t i)
{
    const struct config_key *key = config_key(i);
    switch (key->type) {
    case CONFIG_I64:
    case CONFIG_F64: {
        double value = 0.0;
        assert_int_equal(str_parse_f64(&value, key->default_text), OK);
        return str_format("%s=%.17g", key->key, value == key->max ? key->min : key->max);
    }
    case CONFIG_BOOL:
        return str_format("%s=%s", key->key, strcmp(key->default_text, "true") == 0 ? "false" : "true");
    case CONFIG_STR:
        return str_format("%s=other", key->key);
    case CONFIG_ENUM:
        for (size_t n = 0; key->names[n]; n++)
            if (strncmp(key->names[n], key->default_text + 1, strlen(key->names[n])) != 0)
                return str_format("%s=%s", key->key, key->names[n]);
    }
    fail_msg("no other value of '%s'", key->key);
    return NULL;
}

static void expect_difference(const struct config *expected, const struct config *run, const char *start)
{
    struct str difference = {0};
    assert_int_equal(experiment_compare(&difference, expected, run), OK);
    if (start && !str_starts_with(str_text(&difference), start))
        fail_msg("expected a difference in '%s', found '%s'", start, str_text(&difference));
    else if (!start && difference.len > 0)
        fail_msg("expected the same experiment, found '%s'", str_text(&difference));
    str_free(&difference);
}

static void test_experiment_same__every_key_but_the_free_ones_tells_experiments_apart(void **state)
{
    (void)state;
    size_t n_different = 0;
    for (size_t i = 0; i < config_n_keys(); i++) {
        const struct config_key *key = config_key(i);
        if (strcmp(key->key, "data.dataset") == 0 || strcmp(key->key, "precision") == 0 ||
            strcmp(key->key, "products") == 0)
            continue;
        struct config expected, run;
        open_pair(&expected, &run);
        char *assignment = change(i);
        set(&run, assignment);
        char *start = is_free(key) ? NULL : str_format("%s is ", key->key);
        expect_difference(&expected, &run, start);
        expect_difference(&run, &expected, start);
        n_different += !is_free(key);
        free(start);
        free(assignment);
        config_free(&expected);
        config_free(&run);
    }
    assert_true(n_different > 40);
}

static void test_experiment_same__a_difference_names_both_values(void **state)
{
    (void)state;
    struct config expected, run;
    open_pair(&expected, &run);
    set(&run, "training.lr=0.5");
    expect_difference(&expected, &run, "training.lr is 0.5 there, here 0.008");
    config_free(&expected);
    config_free(&run);
}

static void test_experiment_same__the_data_set_counts_where_one_trains(void **state)
{
    (void)state;
    struct config expected, run;
    open_pair(&expected, &run);
    set(&run, "data.dataset=eurosat");
    expect_difference(&expected, &run, "data.dataset is \"eurosat\" there, here \"dtd\"");
    set(&expected, "method=clip");
    set(&run, "method=clip");
    expect_difference(&expected, &run, NULL);
    config_free(&expected);
    config_free(&run);
}

static void test_experiment_same__the_precision_counts_where_one_is_expected(void **state)
{
    (void)state;
    struct config expected, run;
    open_pair(&expected, &run);
    set(&run, "precision=bf16");
    expect_difference(&expected, &run, NULL);
    set(&expected, "precision=fp32");
    expect_difference(&expected, &run, "precision is \"bf16\" there, here \"fp32\"");
    set(&expected, "precision=bf16");
    set(&run, "products=fp32");
    expect_difference(&expected, &run, NULL);
    set(&expected, "products=bf16");
    expect_difference(&expected, &run, "products is \"fp32\" there, here \"bf16\"");
    config_free(&expected);
    config_free(&run);
}

/* A table whose settings are not the paper's is labelled:
 * by every key that makes an experiment and is not free. */
static void test_experiment_same__what_a_user_sets_is_a_change_unless_it_is_free(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_n_keys(); i++) {
        const struct config_key *key = config_key(i);
        char *assignment = change(i);
        if (experiment_is_changed(assignment) != (key->is_hashed && !is_free(key)))
            fail_msg("%s", assignment);
        free(assignment);
    }
    assert_false(experiment_is_changed("see=1")); /* the start of a key is not the key */
    assert_true(experiment_is_changed("training.lr=0.5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experiment_same__every_key_but_the_free_ones_tells_experiments_apart),
        cmocka_unit_test(test_experiment_same__a_difference_names_both_values),
        cmocka_unit_test(test_experiment_same__the_data_set_counts_where_one_trains),
        cmocka_unit_test(test_experiment_same__the_precision_counts_where_one_is_expected),
        cmocka_unit_test(test_experiment_same__what_a_user_sets_is_a_change_unless_it_is_free),
    };
    return cmocka_run_group_tests_name("experiment_same", tests, NULL, NULL);
}
