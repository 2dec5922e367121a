/* The option parser: what it takes, and the sentence for each wrong word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "opt_help.h"

static const struct opt options[] = {
    {"out", "DIR", NULL, false, "a folder"},   {"resume", NULL, NULL, false, "go on"},
    {"classes", "LIST", NULL, true, "which"},  {"limit", "N", NULL, false, "how many"},
    {"gain", "X", NULL, false, "how much"},    {"config", "FILE", NULL, false, "a file"},
    {"set", "KEY=VALUE", NULL, true, "a key"}, {NULL, NULL, NULL, false, NULL},
};
static const struct opt key_options[] = {
    {"seed", "S", "seed", false, NULL},
    {"skip-bad-images", NULL, "data.skip_bad_images", false, NULL},
    {NULL, NULL, NULL, false, NULL},
};
static const struct opt_group groups[] = {{"Options", options}, {"Keys", key_options}, {NULL, NULL}};
static const struct opt_group no_groups[] = {{NULL, NULL}};

static const struct command train = {"train", NULL, NULL, NULL, groups, "train", NULL};
static const struct command info = {"model", "info", "FILE", NULL, groups, "show", "A note."};
static const struct command bare = {"version", NULL, NULL, NULL, no_groups, "versions", NULL};

enum { MAX_WORDS = 12 };

/* Parses words that end with NULL. */
static int parse(struct opt_values *v, const struct command *command, const char *const *words)
{
    char *argv[MAX_WORDS] = {NULL};
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    return opt_parse(v, command, argc, argv);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void parse_ok(struct opt_values *v, const struct command *command, const char *const *words)
{
    if (parse(v, command, words) != OK)
        fail_msg("%s", error_message());
}

static void expect_refused(const struct command *command, const char *const *words, const char *message)
{
    struct opt_values v;
    error_clear();
    assert_int_equal(parse(&v, command, words), ERR_USAGE);
    assert_string_equal(error_message(), message);
    assert_null(v.items);
}

/* ---------------------------------------------------------------- parsing */

static void test_opt__takes_values_behind_a_space_or_an_equals_sign(void **state)
{
    (void)state;
    struct opt_values v;
    parse_ok(&v, &train, WORDS("--out", "a=b", "--limit=40", "--resume", "--set", "x=1", "--set=y=2"));
    assert_string_equal(opt_text(&v, "out"), "a=b");
    assert_true(opt_given(&v, "resume"));
    assert_false(opt_given(&v, "gain"));
    assert_null(opt_text(&v, "gain"));
    assert_string_equal(opt_nth(&v, "set", 0), "x=1");
    assert_string_equal(opt_nth(&v, "set", 1), "y=2");
    assert_null(opt_nth(&v, "set", 2));
    int64_t limit = 0;
    assert_int_equal(opt_i64(&limit, &v, "limit", 1, 100), OK);
    assert_int_equal(limit, 40);
    assert_int_equal(opt_i64(&limit, &v, "limit", 40, 40), OK); /* the bounds are in the range */
    opt_free(&v);
}

static void test_opt__takes_an_operand_and_ends_options_at_two_dashes(void **state)
{
    (void)state;
    struct opt_values v;
    parse_ok(&v, &info, WORDS("--out", "-", "--", "--file"));
    assert_string_equal(v.operand, "--file");
    assert_string_equal(opt_text(&v, "out"), "-");
    opt_free(&v);
    parse_ok(&v, &info, WORDS("-"));
    assert_string_equal(v.operand, "-");
    opt_free(&v);
}

static void test_opt__refuses_unknown_options_with_what_was_meant(void **state)
{
    (void)state;
    expect_refused(&train, WORDS("--resum"), "unknown option '--resum'; did you mean '--resume'?");
    expect_refused(&train, WORDS("--limt=4"), "unknown option '--limt'; did you mean '--limit'?");
    expect_refused(&train, WORDS("-seed", "1"), "unknown option '-seed'; did you mean '--seed'?");
    expect_refused(&train, WORDS("--lr", "1"),
                   "unknown option '--lr'; did you mean '--set training.lr=...'?");
    expect_refused(&train, WORDS("--data.shots=4"),
                   "unknown option '--data.shots'; did you mean '--set data.shots=...'?");
    expect_refused(&train, WORDS("--frobnicate"), "unknown option '--frobnicate'; see prompt train --help");
    expect_refused(&bare, WORDS("--json"), "unknown option '--json'; see prompt version --help");
}

static void test_opt__refuses_missing_and_superfluous_values(void **state)
{
    (void)state;
    expect_refused(&train, WORDS("--out"), "option '--out' needs a value: --out DIR");
    expect_refused(&train, WORDS("--out", "--resume"),
                   "option '--out' needs a value: --out DIR; found the option '--resume'");
    expect_refused(&train, WORDS("--out="), "option '--out': expected DIR, found nothing");
    expect_refused(&train, WORDS("--out", ""), "option '--out': expected DIR, found nothing");
    expect_refused(&train, WORDS("--resume=yes"), "option '--resume' takes no value, found 'yes'");
    expect_refused(&train, WORDS("--out", "a", "--out=b"), "option '--out' is given twice");
}

static void test_opt__refuses_unexpected_and_missing_words(void **state)
{
    (void)state;
    expect_refused(&train, WORDS("caltech101"),
                   "unexpected word 'caltech101': expected only options; see prompt train --help");
    expect_refused(&bare, WORDS("x"),
                   "unexpected word 'x': expected nothing more; see prompt version --help");
    expect_refused(&info, WORDS("a", "b"),
                   "unexpected word 'b': expected one FILE; see prompt model info --help");
    expect_refused(&info, WORDS("--resume"), "expected FILE; see prompt model info --help");
}

static void test_opt__sees_help_before_two_dashes_only(void **state)
{
    (void)state;
    char words[][8] = {"--bogus", "-h", "--", "--help"};
    char *argv[] = {words[0], words[1], words[2], words[3]};
    assert_true(opt_wants_help(4, argv));
    assert_false(opt_wants_help(1, argv));
    assert_false(opt_wants_help(2, argv + 2));
}

/* ---------------------------------------------------------------- getters */

static void test_opt__numbers_have_ranges(void **state)
{
    (void)state;
    struct opt_values v;
    int64_t limit = 7;
    double gain = 1.0;
    parse_ok(&v, &train, WORDS("--limit", "-1", "--gain", "2.5"));
    assert_int_equal(opt_f64(&gain, &v, "gain", 0.0, 10.0), OK);
    assert_true(gain == 2.5);
    assert_int_equal(opt_f64(&gain, &v, "gain", 0.0, 2.0), ERR_USAGE);
    assert_string_equal(error_message(), "option '--gain': expected a number from 0 to 2, found '2.5'");
    assert_int_equal(opt_i64(&limit, &v, "limit", 1, 100), ERR_USAGE);
    assert_string_equal(error_message(),
                        "option '--limit': expected a whole number from 1 to 100, found '-1'");
    assert_int_equal(limit, 7);
    opt_free(&v);
    parse_ok(&v, &train, WORDS("--resume"));
    assert_int_equal(opt_i64(&limit, &v, "limit", 1, 100), OK);
    assert_int_equal(limit, 7);
    opt_free(&v);
}

static void test_opt__choices_repeat_or_stand_between_commas(void **state)
{
    (void)state;
    static const char *const names[] = {"all", "base", "new", NULL};
    struct opt_values v;
    bool chosen[3] = {false, false, false};
    parse_ok(&v, &train, WORDS("--classes", "new,all", "--classes", "new"));
    assert_int_equal(opt_choose(chosen, &v, "classes", names), OK);
    assert_true(chosen[0] && !chosen[1] && chosen[2]);
    opt_free(&v);
    parse_ok(&v, &train, WORDS("--classes", "base,,new"));
    assert_int_equal(opt_choose(chosen, &v, "classes", names), ERR_USAGE);
    assert_string_equal(error_message(), "option '--classes': expected all, base or new, found ''");
    opt_free(&v);
}

/* ---------------------------------------------------------------- keys */

static void test_opt__keys_go_through_the_configuration(void **state)
{
    (void)state;
    struct opt_values v;
    struct config c;
    parse_ok(&v, &train, WORDS("--seed", "3", "--skip-bad-images", "--set", "training.lr=0.5"));
    assert_int_equal(opt_resolve(&c, &v, NULL), OK);
    assert_int_equal(c.seed, 3);
    assert_true(c.data_skip_bad_images);
    assert_true(c.lr == 0.5);
    assert_int_equal(c.origins[config_find("seed")], CONFIG_COMMAND_LINE);
    assert_int_equal(c.origins[config_find("training.epochs")], CONFIG_DEFAULT);
    opt_free(&v);
    config_free(&c);
}

static void expect_keys_refused(const char *const *words, const char *message)
{
    struct opt_values v;
    struct config c;
    parse_ok(&v, &train, words);
    assert_int_equal(opt_resolve(&c, &v, NULL), ERR_USAGE);
    assert_string_equal(error_message(), message);
    opt_free(&v);
    config_free(&c);
}

static void test_opt__keys_that_conflict_or_are_unknown_are_refused(void **state)
{
    (void)state;
    expect_keys_refused(WORDS("--seed", "1", "--set", "seed=2"),
                        "key 'seed' is set twice on the command line");
    expect_keys_refused(WORDS("--set", "seed=1", "--set", "seed=1"),
                        "key 'seed' is set twice on the command line");
    expect_keys_refused(WORDS("--set", "training.lrr=1"),
                        "--set training.lrr=1: unknown key 'training.lrr'; did you mean 'training.lr'?");
    expect_keys_refused(WORDS("--seed", "one"),
                        "--seed one: key 'seed': expected a whole number from 0 to 4294967295, found 'one'");
}

/* ---------------------------------------------------------------- help */

static void test_opt__help_shows_every_option_and_its_key(void **state)
{
    (void)state;
    struct str text = {0};
    command_help(&text, &info);
    assert_true(str_starts_with(str_text(&text),
                                "prompt model info - show\n\nUsage: prompt model info FILE [options]\n"));
    assert_non_null(strstr(str_text(&text), "\nOptions:\n  --out DIR                 a folder\n"));
    assert_non_null(strstr(str_text(&text), "--classes LIST            which (repeatable)\n"));
    assert_non_null(strstr(str_text(&text), "[seed]\n"));
    assert_true(str_ends_with(str_text(&text), "\nA note.\n"));
    size_t width = 0;
    for (const char *c = str_text(&text); *c != '\0'; c++) {
        width = *c == '\n' ? 0 : width + 1;
        assert_true(width <= 101);
    }
    str_free(&text);
}

static void test_opt__help_lists_commands(void **state)
{
    (void)state;
    const struct command *const table[] = {&train, &info, &bare, NULL};
    struct str text = {0};
    commands_help(&text, table, NULL);
    assert_non_null(strstr(str_text(&text), "\n  model info                show\n"));
    str_clear(&text);
    commands_help(&text, table, "model");
    assert_non_null(strstr(str_text(&text), "\n  model info                show\n"));
    assert_null(strstr(str_text(&text), "\n  train"));
    str_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opt__takes_values_behind_a_space_or_an_equals_sign),
        cmocka_unit_test(test_opt__takes_an_operand_and_ends_options_at_two_dashes),
        cmocka_unit_test(test_opt__refuses_unknown_options_with_what_was_meant),
        cmocka_unit_test(test_opt__refuses_missing_and_superfluous_values),
        cmocka_unit_test(test_opt__refuses_unexpected_and_missing_words),
        cmocka_unit_test(test_opt__sees_help_before_two_dashes_only),
        cmocka_unit_test(test_opt__numbers_have_ranges),
        cmocka_unit_test(test_opt__choices_repeat_or_stand_between_commas),
        cmocka_unit_test(test_opt__keys_go_through_the_configuration),
        cmocka_unit_test(test_opt__keys_that_conflict_or_are_unknown_are_refused),
        cmocka_unit_test(test_opt__help_shows_every_option_and_its_key),
        cmocka_unit_test(test_opt__help_lists_commands),
    };
    return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
