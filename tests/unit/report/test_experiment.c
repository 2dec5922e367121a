/* Experiments: rows and configurations of the program's own
 * tables, against values read from the presets by eye. */
#include "report_files.h"

#include <math.h>

/* ---------------------------------------------------------------- rows */

static void expect_rows(const char *name, const char *methods, const char *const *expected)
{
    struct experiment *x = open_experiment(name, methods);
    size_t n = 0;
    for (; expected[n]; n++) {
        assert_true(n < x->n_rows);
        assert_string_equal(x->rows[n].name, expected[n]);
    }
    assert_int_equal(x->n_rows, n);
    experiment_free(x);
}

#define ROWS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_experiment__rows_are_those_of_the_table(void **state)
{
    (void)state;
    expect_rows("table1", "", ROWS("CLIP", "CoOp", "CoCoOp", "ProMPT"));
    expect_rows("1", "", ROWS("CLIP", "CoOp", "CoCoOp", "ProMPT"));
    expect_rows("5", "", ROWS("ProMPT", "-Iter", "-G^V", "-G^T", "-G", "-F"));
    expect_rows("figure8d", "", ROWS("λ = 0.25", "λ = 0.5", "λ = 0.75", "λ = 1"));
}

static void test_experiment__methods_choose_rows_by_name_or_series(void **state)
{
    (void)state;
    expect_rows("1", "coop,PROMPT", ROWS("CoOp", "ProMPT"));
    expect_rows("1", "VPT", ROWS("VPT")); /* optional */
    expect_rows("4", "All", ROWS("N = 0", "N = 1", "N = 2", "N = 3"));
    expect_rows("fewshot", "CoOp (4 shots)", ROWS("CoOp (4 shots)"));
    expect_rows(
        "fewshot", "coop",
        ROWS("CoOp (1 shots)", "CoOp (2 shots)", "CoOp (4 shots)", "CoOp (8 shots)", "CoOp (16 shots)"));
}

static void test_experiment__an_unknown_name_is_told_what_there_is(void **state)
{
    (void)state;
    struct experiment *x = NULL;
    const struct str_list none = {0};
    assert_int_equal(experiment_open(&x, CONFIGS_DIR "/tables.json", "table9", &none), ERR_USAGE);
    assert_string_equal(error_message(), "no table 'table9' in '" CONFIGS_DIR
                                         "/tables.json', expected one of: table1, table2, table3, "
                                         "table4, table5, figure8a, figure8b, figure8c, figure8d, fewshot");
    struct str_list wrong = {0};
    must(str_list_add(&wrong, "MMRL"));
    assert_int_equal(experiment_open(&x, CONFIGS_DIR "/tables.json", "1", &wrong), ERR_USAGE);
    static const char begin[] =
        "table1 has no method 'MMRL', expected one of: CLIP, CoOp, CoCoOp, ProMPT, VPT, ";
    assert_memory_equal(error_message(), begin, sizeof begin - 1);
    assert_null(x);
    str_list_free(&wrong);
}

static void test_experiment__a_table_says_its_data_sets_and_classes(void **state)
{
    (void)state;
    static const char *const targets[] = {"imagenet", "imagenetv2", "imagenet_sketch", "imagenet_a",
                                          "imagenet_r"};
    struct experiment *x = open_experiment("3", "");
    assert_string_equal(x->title, "Table 3: domain generalization of prompts trained on ImageNet");
    assert_string_equal(x->source, "imagenet");
    assert_false(x->has_halves);
    assert_int_equal(x->datasets.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(x->datasets.items[i], targets[i]);
    experiment_free(x);
    x = open_experiment("1", "");
    assert_string_equal(x->source, "");
    assert_true(x->has_halves);
    assert_int_equal(x->datasets.n, 11);
    experiment_free(x);
}

/* ---------------------------------------------------------------- files that are wrong */

static void expect_refused(const char *tree, const char *table, int expected, const char *message)
{
    struct experiment *x = NULL;
    char *path = path_join(tree, "tables.json");
    char *text = str_format("{\"t\": %s}", table);
    char *want = str_format(message[0] == ':' ? "%s%s" : "%.0s%s", path, message);
    put_text(tree, "tables.json", text);
    assert_int_equal(experiment_open(&x, path, "t", &nothing), expected);
    assert_string_equal(error_message(), want);
    assert_null(x);
    free(want);
    free(text);
    free(path);
}

static void test_experiment__a_wrong_table_is_refused_with_file_and_line(void **state)
{
    expect_refused(*state, "{\n \"classes\": \"all\"}", ERR_FORMAT, ":1: 'title' is missing");
    expect_refused(*state, "{\"title\": \"T\", \"classes\": \"all\",\n \"datasets\": 3}", ERR_FORMAT,
                   ":2: 'datasets': expected a string, found a number");
    expect_refused(*state, "{\"title\": \"T\", \"classes\": \"all\", \"datasets\": \"dtb\"}", ERR_USAGE,
                   "unknown data set 'dtb', did you mean 'dtd'?");
    static const char start[] =
        "{\"title\": \"T\", \"classes\": \"all\", \"datasets\": \"dtd\", \"rows\": [\n";
    char *rows[] = {
        str_format("%s{\"name\": \"A\"}]}", start),
        str_format("%s{\"name\": \"A\", \"config\": \"a\",\n\"iteration\": -1}]}", start),
        str_format("%s{\"name\": \"A\", \"config\": \"a\", \"set\": [\n1]}]}", start),
        str_format("%s{\"name\": \"A\", \"config\": \"a\",\n\"on\": \"shared\"}]}", start),
        str_format("%s{\"name\": \"A\", \"config\": \"a\", \"on\": {\n\"extends\": \"b\"}}]}", start),
        str_format("%s{\"name\": \"A\", \"config\": \"a\", \"on\": {\n\"extends\": \"b\"}}]}, "
                   "\"on\": {\"b\": {\"extends\": \"c\"}}",
                   start)};
    expect_refused(*state, rows[0], ERR_FORMAT, ":2: 'config' is missing");
    expect_refused(*state, rows[1], ERR_FORMAT, ":3: 'iteration': expected 0 or more, found -1");
    expect_refused(*state, rows[2], ERR_FORMAT, ":3: expected a string, found a number");
    expect_refused(*state, rows[3], ERR_FORMAT, ":3: 'on' has no member 'shared'");
    expect_refused(*state, rows[4], ERR_FORMAT, ":3: 'on' has no member 'b'");
    expect_refused(*state, rows[5], ERR_FORMAT, ":3: 'extends': expected changes that extend no others");
    for (size_t i = 0; i < 6; i++)
        free(rows[i]);
}

/* ---------------------------------------------------------------- configurations */

static struct config config_of(const char *table, const char *row, const char *dataset, const char *sets)
{
    struct experiment *x = open_experiment(table, row);
    struct str_list list = {0};
    struct config c;
    must(str_list_split(&list, sets));
    must(experiment_config(&c, x, row_of(x, row), dataset, &list));
    str_list_free(&list);
    experiment_free(x);
    return c;
}

/* A key of the configuration of a row, as JSON. */
static void expect_key(const char *table, const char *row, const char *dataset, const char *sets,
                       const char *key, const char *value)
{
    struct config c = config_of(table, row, dataset, sets);
    struct str text = {0};
    config_write_value(&text, &c, config_find(key));
    if (strcmp(str_text(&text), value) != 0)
        fail_msg("%s, %s on %s (%s): %s is %s, expected %s", table, row, dataset, sets, key, str_text(&text),
                 value);
    str_free(&text);
    config_free(&c);
}

static void test_experiment__a_preset_is_the_setting_of_its_paper(void **state)
{
    (void)state;
    /* Section 4 of the ProMPT paper */
    expect_key("1", "ProMPT", "dtd", "", "method", "\"prompt\"");
    expect_key("1", "ProMPT", "dtd", "", "iterations", "2");
    expect_key("1", "ProMPT", "dtd", "", "training.lr", "0.008");
    expect_key("1", "ProMPT", "dtd", "", "training.epochs", "5");
    expect_key("1", "ProMPT", "dtd", "", "training.batch_size", "4");
    expect_key("1", "ProMPT", "dtd", "", "data.dataset", "\"dtd\"");
    expect_key("1", "ProMPT", "dtd", "", "data.classes", "\"base\"");
    expect_key("4", "N = 3", "dtd", "", "iterations", "3");
    expect_key("1", "Tip-Adapter", "dtd", "", "tip_adapter.beta_max", "13");
    expect_key("1", "Tip-Adapter", "eurosat", "", "training.epochs", "5");
    expect_key("1", "Tip-Adapter-F", "eurosat", "", "training.epochs", "100");
    expect_key("1", "Tip-Adapter-F", "eurosat", "", "tip_adapter.beta_max", "12");
    expect_key("1", "Tip-Adapter-F", "imagenet", "", "zero_shot_template", "\"imagenet_seven\"");
    expect_key("1", "Tip-Adapter-F", "dtd", "", "zero_shot_template", "\"dataset\"");
    expect_key("1", "LP++", "imagenet", "", "zero_shot_template", "\"imagenet_seven\"");
    expect_key("2", "KgCoOp (4 shots)", "dtd", "", "data.shots", "4"); /* its authors' */
    expect_key("2", "KgCoOp (16 shots)", "dtd", "", "data.shots", "16");
    expect_key("5", "-G^V", "dtd", "", "vision_prompt.generator", "false");
    expect_key("5", "-F", "dtd", "", "filter", "false");
    expect_key("1", "CoOp", "dtd", "", "method", "\"coop\"");
    expect_key("1", "CoOp", "dtd", "", "training.epochs", "200");
    expect_key("1", "CoOp", "dtd", "", "training.lr", "0.002");
    expect_key("1", "CLIP", "dtd", "", "method", "\"clip\"");
    expect_key("2", "CoOp", "dtd", "", "data.dataset", "\"imagenet\""); /* trained there, evaluated on DTD */
}

static void test_experiment__later_sources_win(void **state)
{
    (void)state;
    /* preset 200 < row (with 1 shot: 50) < data set (ImageNet: 50) < user < sweep */
    expect_key("fewshot", "CoOp (16 shots)", "dtd", "", "training.epochs", "200");
    expect_key("fewshot", "CoOp (2 shots)", "dtd", "", "training.epochs", "100");
    expect_key("fewshot", "CoOp (2 shots)", "imagenet", "", "training.epochs", "50");
    expect_key("fewshot", "CoOp (2 shots)", "imagenet", "training.epochs=7", "training.epochs", "7");
    expect_key("fewshot", "CoOp (2 shots)", "imagenet", "training.epochs=7", "data.shots", "2");
    expect_key("1", "CoOp", "imagenet", "", "training.epochs", "50");
    expect_key("1", "CoOp", "imagenet", "data.dataset=dtd", "data.dataset", "\"imagenet\"");
}

static void test_experiment__the_user_does_not_set_what_is_swept(void **state)
{
    (void)state;
    struct experiment *x = open_experiment("figure8d", "");
    struct str_list sets = {0};
    struct config c;
    assert_true(x->rows[1].x == 0.5);
    assert_string_equal(x->rows[1].series, "ProMPT");
    assert_string_equal(x->rows[1].swept, "lambda=0.5");
    must(str_list_add(&sets, "lambda=2"));
    assert_int_equal(experiment_config(&c, x, &x->rows[1], "dtd", &sets), ERR_USAGE);
    assert_string_equal(error_message(), "--set lambda=2: figure8d sweeps this key itself");
    config_free(&c);
    str_list_free(&sets);
    experiment_free(x);
}

static void test_experiment__templates_are_known_by_their_digest(void **state)
{
    const char *tree = *state;
    put_text(tree, "templates.txt", "a photo of a {}.\nart of the {}.\n");
    char *set = str_format("zero_shot_templates_file=%s/templates.txt", tree);
    /* printf 'a photo of a {}.\nart of the {}.\n' | sha256sum */
    expect_key("1", "CLIP", "dtd", set, "zero_shot_templates_sha256",
               "\"6fc11d3a495d79308ced7005437978797e4dbfbb97e40349887a36eb92f2102c\"");
    expect_key("1", "CLIP", "dtd", "", "zero_shot_templates_sha256", "\"\"");
    free(set);
}

/* Every row of every table has a configuration on every data set, of the method that its preset names. */
static void test_experiment__every_row_of_every_table_has_a_configuration(void **state)
{
    (void)state;
    struct json_doc *doc = NULL;
    size_t n = 0;
    must(json_read_file(&doc, CONFIGS_DIR "/tables.json"));
    for (const struct json *table = json_first(json_root(doc)); table; table = json_next(table)) {
        if (!experiment_is_table(json_key(table)))
            continue;
        struct experiment *x = open_experiment(json_key(table), "");
        for (size_t r = 0; r < x->n_rows; r++)
            for (size_t d = 0; d < x->datasets.n; d++) {
                struct config c;
                must(experiment_config(&c, x, &x->rows[r], x->datasets.items[d], &nothing));
                assert_int_equal(c.seed, 1);
                assert_string_equal(c.data_dataset, x->source[0] ? x->source : x->datasets.items[d]);
                config_free(&c);
                n++;
            }
        experiment_free(x);
    }
    json_free(doc);
    /* rows that are not optional, times data sets: 4*11 + 3*11 + 4*5 + 3*11 + 6*11 + (5+5+5+4)*11 + 16*11 */
    assert_int_equal(n, 44 + 33 + 20 + 33 + 66 + 209 + 176);
}

/* The keys in which a row's configuration leaves its preset, with commas between. */
static void expect_changed(const char *table, const char *row, const char *dataset, const char *sets,
                           const char *expected)
{
    struct experiment *x = open_experiment(table, row);
    struct config c = config_of(table, row, dataset, sets);
    struct str keys = {0};
    bool *changed = NULL;
    must(experiment_changed_keys(&changed, row_of(x, row), &c));
    for (size_t i = 0; i < config_n_keys(); i++)
        if (changed[i])
            str_appendf(&keys, "%s%s", keys.len > 0 ? "," : "", config_key(i)->key);
    assert_string_equal(str_text(&keys), expected);
    str_free(&keys);
    free(changed);
    config_free(&c);
    experiment_free(x);
}

static void test_experiment__a_row_is_its_preset_and_what_it_changes(void **state)
{
    (void)state;
    expect_changed("1", "ProMPT", "dtd", "", "data.dataset");
    expect_changed("4", "N = 1", "dtd", "", "iterations,data.dataset");
    expect_changed("1", "ProMPT", "dtd", "filter=false", "filter,data.dataset");
    expect_changed("1", "CoOp", "imagenet", "", "data.dataset,training.epochs");
    expect_changed("1", "CoOp", "dtd", "threads=3", "data.dataset");         /* a machine's setting */
    expect_changed("1", "CoOp", "dtd", "training.lr=0.002", "data.dataset"); /* the preset's own value */
    expect_changed("1", "CoOp", "dtd", "training.lr=0.003", "data.dataset,training.lr");
}

/* ---------------------------------------------------------------- the paper */

static void expect_paper(const char *table, const char *row, const char *dataset, const char *measure,
                         double value)
{
    struct experiment *x = open_experiment(table, row);
    const double got = experiment_paper(x, row_of(x, row), dataset, measure);
    if (isnan(value) ? !isnan(got) : got != value)
        fail_msg("%s, %s on %s, %s: %g, expected %g", table, row, dataset, measure, got, value);
    experiment_free(x);
}

static void test_experiment__the_numbers_of_the_paper_are_beside_the_rows(void **state)
{
    (void)state;
    expect_paper("1", "ProMPT", "eurosat", "new", 76.03); /* Table 1 */
    expect_paper("1", "CoOp", "average", "hm", 71.66);
    expect_paper("4", "N = 1", "food101", "base", 90.7);
    expect_paper("1", "VPT", "eurosat", "new", NAN);    /* not in the paper */
    expect_paper("1", "ProMPT", "eurosat", "all", NAN); /* no such measure there */
    expect_paper("fewshot", "CLIP", "eurosat", "all", NAN);
    struct experiment *x = open_experiment("4", "");
    assert_non_null(strstr(experiment_paper_note(x), "the paper contradicts itself at N = 0"));
    experiment_free(x);
    x = open_experiment("1", "");
    assert_null(experiment_paper_note(x));
    experiment_free(x);
}

/* Of a sweep the numbers are those of each row, not of the series. */
static void test_experiment__a_sweep_has_numbers_of_its_own(void **state)
{
    struct experiment *x = NULL;
    char *path = path_join(*state, "tables.json");
    put_text(*state, "tables.json",
             "{\"t\": {\"title\": \"T\", \"classes\": \"all\", \"datasets\": \"dtd\", \"rows\": [{\"name\": "
             "\"A\", "
             "\"config\": \"a\", \"label\": \"A ({} shots)\", \"sweep\": \"data.shots\", \"values\": [\"1\", "
             "\"2\"]}]}}");
    put_text(*state, "paper.json",
             "{\"t\": {\"A (2 shots)\": {\"dtd\": {\"all\": 50.5}}, \"A\": {\"dtd\": {\"all\": 1}}}}");
    must(experiment_open(&x, path, "t", &nothing));
    assert_true(isnan(experiment_paper(x, row_of(x, "A (1 shots)"), "dtd", "all")));
    assert_true(experiment_paper(x, row_of(x, "A (2 shots)"), "dtd", "all") == 50.5);
    experiment_free(x);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experiment__rows_are_those_of_the_table),
        cmocka_unit_test(test_experiment__methods_choose_rows_by_name_or_series),
        cmocka_unit_test(test_experiment__an_unknown_name_is_told_what_there_is),
        cmocka_unit_test(test_experiment__a_table_says_its_data_sets_and_classes),
        cmocka_unit_test_setup_teardown(test_experiment__a_wrong_table_is_refused_with_file_and_line,
                                        open_tree, remove_tree),
        cmocka_unit_test(test_experiment__a_preset_is_the_setting_of_its_paper),
        cmocka_unit_test(test_experiment__later_sources_win),
        cmocka_unit_test(test_experiment__the_user_does_not_set_what_is_swept),
        cmocka_unit_test_setup_teardown(test_experiment__templates_are_known_by_their_digest, open_tree,
                                        remove_tree),
        cmocka_unit_test(test_experiment__every_row_of_every_table_has_a_configuration),
        cmocka_unit_test(test_experiment__a_row_is_its_preset_and_what_it_changes),
        cmocka_unit_test(test_experiment__the_numbers_of_the_paper_are_beside_the_rows),
        cmocka_unit_test_setup_teardown(test_experiment__a_sweep_has_numbers_of_its_own, open_tree,
                                        remove_tree),
    };
    return cmocka_run_group_tests_name("experiment", tests, NULL, NULL);
}
