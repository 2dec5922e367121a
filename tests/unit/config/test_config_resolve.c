/* The order of precedence of a configuration's sources, one after another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "image_files.h"
#include "prompt/config/config.h"

/* Every source sets training.epochs: the defaults to 5, each later one to its place in the order. */
struct sources {
    char *run_file, *file;
    struct str_list row, dataset, user, fixed;
    struct config_setting settings[2];
    struct config_sources from;
};

static void add(struct str_list *list, const char *set)
{
    assert_int_equal(str_list_add(list, set), OK);
}

static void open_sources(struct sources *s, const char *folder)
{
    static const char run_file[] = "{\"training\": {\"epochs\": 11, \"lr\": 0.25}}";
    static const char base[] = "{\"training\": {\"epochs\": 13, \"warmup_epochs\": 3}}";
    static const char file[] = "{\"extends\": \"base.json\", \"training\": {\"epochs\": 14}}";
    *s = (struct sources){0};
    free(write_file(folder, "base.json", base, sizeof base - 1));
    s->run_file = write_file(folder, "config.json", run_file, sizeof run_file - 1);
    s->file = write_file(folder, "preset.json", file, sizeof file - 1);
    add(&s->row, "training.epochs=15");
    add(&s->dataset, "training.epochs=16");
    add(&s->user, "training.epochs=17");
    add(&s->fixed, "training.epochs=19");
    s->settings[0] = (struct config_setting){"epochs", "training.epochs", "18"};
    s->settings[1] = (struct config_setting){"set", NULL, "data.root=\"a b\""};
    s->from.run_name = "checkpoint";
}

static void close_sources(struct sources *s)
{
    str_list_free(&s->row);
    str_list_free(&s->dataset);
    str_list_free(&s->user);
    str_list_free(&s->fixed);
    free(s->run_file);
    free(s->file);
}

static void expect_epochs(const struct config_sources *from, int64_t epochs, enum config_origin origin)
{
    struct config c;
    if (config_resolve(&c, from) != OK)
        fail_msg("%s", error_message());
    assert_int_equal(c.epochs, epochs);
    assert_int_equal(c.origins[config_find("training.epochs")], origin);
    config_free(&c);
}

static void test_config_resolve__each_source_wins_over_those_before(void **state)
{
    struct sources s;
    open_sources(&s, *state);
    expect_epochs(&s.from, 5, CONFIG_DEFAULT);
    s.from.run_file = s.run_file;
    expect_epochs(&s.from, 11, CONFIG_RUN);
    s.from.run_text = "{\"training\": {\"epochs\": 12}}";
    expect_epochs(&s.from, 12, CONFIG_RUN);
    s.from.file = s.file;
    expect_epochs(&s.from, 14, CONFIG_FILE);
    s.from.row_sets = &s.row;
    expect_epochs(&s.from, 15, CONFIG_COMMAND_LINE);
    s.from.dataset_sets = &s.dataset;
    expect_epochs(&s.from, 16, CONFIG_COMMAND_LINE);
    s.from.user_sets = &s.user;
    expect_epochs(&s.from, 17, CONFIG_COMMAND_LINE);
    s.from.fixed_sets = &s.fixed;
    expect_epochs(&s.from, 19, CONFIG_COMMAND_LINE);
    close_sources(&s);
}

/* A command line goes over a file or a run; an experiment has lists instead. */
static void test_config_resolve__a_command_line_wins_over_files(void **state)
{
    struct sources s;
    struct config c;
    open_sources(&s, *state);
    s.from.run_file = s.run_file;
    s.from.file = s.file;
    s.from.settings = s.settings;
    s.from.n_settings = 2;
    assert_int_equal(config_resolve(&c, &s.from), OK);
    assert_int_equal(c.epochs, 18);
    assert_string_equal(c.data_root, "a b"); /* quotes around a --set are JSON's */
    assert_true(c.lr == 0.25);               /* what later sources leave out stays */
    assert_int_equal(c.warmup_epochs, 3);    /* of the file that the file extends */
    assert_int_equal(c.origins[config_find("training.lr")], CONFIG_RUN);
    assert_int_equal(c.origins[config_find("training.warmup_epochs")], CONFIG_FILE);
    config_free(&c);
    s.settings[1] = (struct config_setting){"data", "data.root", "\"a b\""};
    assert_int_equal(config_resolve(&c, &s.from), OK);
    assert_string_equal(c.data_root, "\"a b\""); /* the value of an option is taken as it is */
    config_free(&c);
    close_sources(&s);
}

static void expect_refused(const struct config_sources *from, int status, const char *message)
{
    struct config c;
    assert_int_equal(config_resolve(&c, from), status);
    assert_string_equal(error_message(), message);
    assert_null(c.origins); /* zeroed */
    config_free(&c);
}

static void test_config_resolve__a_failure_names_the_source(void **state)
{
    struct sources s;
    open_sources(&s, *state);
    s.from.run_text = "{\"training\":\n{\"epochs\": 0}}";
    expect_refused(&s.from, ERR_USAGE,
                   "checkpoint:2: key 'training.epochs': expected a whole number from 1 to 100000, found 0");
    s.from.run_text = NULL;
    s.settings[1] = (struct config_setting){"set", NULL, "training.epochs=1"};
    s.from.settings = s.settings;
    s.from.n_settings = 2;
    expect_refused(&s.from, ERR_USAGE, "key 'training.epochs' is set twice on the command line");
    s.from.n_settings = 1;
    s.settings[0].text = "many";
    expect_refused(
        &s.from, ERR_USAGE,
        "--epochs many: key 'training.epochs': expected a whole number from 1 to 100000, found 'many'");
    s.from.n_settings = 0;
    s.from.run_file = "/no/such/config.json";
    struct config c;
    assert_int_equal(config_resolve(&c, &s.from), ERR_IO);
    close_sources(&s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_config_resolve__##name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(each_source_wins_over_those_before),
        TEST(a_command_line_wins_over_files),
        TEST(a_failure_names_the_source),
    };
    return cmocka_run_group_tests_name("config_resolve", tests, NULL, NULL);
}
