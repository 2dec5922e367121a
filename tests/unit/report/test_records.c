/* Result records read back: their fields, their order, older ones, and what is not a record. */
#include "report_files.h"

#include "prompt/report/records.h"

/* A record of new classes after 20 steps of training, with further members before the configuration. */
#define RECORD(dataset, more)                                                                                \
    "{\"method\": \"prompt\", \"dataset\": \"" dataset                                                       \
    "\", \"classes\": \"new\", \"seed\": 3, \"finished\": true, "                                            \
    "\"untrained\": false, \"limit\": 0, \"steps\": 20, \"n_steps\": 20, \"skipped_images\": 1, "            \
    "\"accuracy_per_iteration\": [0.5, 0.25, 0.75], \"time\": \"2026-01-02T03:04:05Z\", "                    \
    "\"digests\": {\"weights_sha256\": \"w1\", \"class_names\": \"c1\", \"images\": \"i1\"}" more            \
    ", \"config\": {\"training\": {\"lr\": 0.5}, \"data\": {\"dataset\": \"dtd\"}}}"

static const char INPUTS[] =
    RECORD("eurosat", ", \"inputs\": {\"preprocessing\": \"p1\", \"image_decoder\": \"d1\", "
                      "\"tokenizer_revision\": 7}, \"trained_inputs\": {\"preprocessing\": "
                      "\"p2\", \"image_decoder\": \"d2\", \"tokenizer_revision\": 8}, "
                      "\"synthetic\": true, \"as_published\": false");
static const char OLDER[] = RECORD("dtd", "");

static void put_records(const char *tree, const char *name, const char *a, const char *b)
{
    char *text = str_format("[\n%s%s%s\n]\n", a, b[0] ? ",\n" : "", b);
    put_text(tree, name, text);
    free(text);
}

static void test_records__a_record_holds_what_was_written(void **state)
{
    struct record_list list = {0};
    put_records(*state, "results.json", INPUTS, "");
    must(records_read(&list, *state));
    assert_int_equal(list.n, 1);
    const struct record *r = &list.items[0];
    assert_true(str_ends_with(r->path, "/results.json"));
    assert_string_equal(r->dataset, "eurosat");
    assert_string_equal(r->weights, "w1");
    assert_string_equal(r->class_digest, "c1");
    assert_string_equal(r->image_digest, "i1");
    assert_string_equal(r->time, "2026-01-02T03:04:05Z");
    assert_int_equal(r->subset, CLASS_SUBSET_NEW);
    assert_int_equal(r->seed, 3);
    assert_int_equal(r->n_accuracies, 3);
    assert_true(r->accuracies[0] == 0.5 && r->accuracies[1] == 0.25 && r->accuracies[2] == 0.75);
    assert_true(r->finished && !r->untrained && r->synthetic && !r->as_published);
    assert_true(r->limit == 0 && r->steps == 20 && r->n_steps == 20 && r->n_skipped == 1);
    assert_string_equal(r->pipeline.preprocess, "p1");
    assert_string_equal(r->pipeline.image_decoder, "d1");
    assert_int_equal(r->pipeline.tokenizer_revision, 7);
    assert_string_equal(r->trained_pipeline.preprocess, "p2");
    assert_int_equal(r->trained_pipeline.tokenizer_revision, 8);
    assert_true(r->config.lr == 0.5);
    assert_string_equal(r->config.data_dataset, "dtd");
    assert_int_equal(r->config.origins[config_find("training.lr")], CONFIG_RUN);
    assert_int_equal(r->config.origins[config_find("seed")], CONFIG_DEFAULT);
    records_free(&list);
}

/* Programs before them did not write "inputs", "synthetic" and "as_published". */
static void test_records__an_older_record_was_made_as_the_first_program_did(void **state)
{
    struct record_list list = {0};
    put_records(*state, "results.json", OLDER, "");
    must(records_read(&list, *state));
    const struct record *r = &list.items[0];
    const struct preprocess openai = preprocess_default(1);
    struct str line = {0};
    preprocess_describe(&line, &openai);
    assert_string_equal(r->pipeline.preprocess, str_text(&line));
    assert_string_equal(r->pipeline.image_decoder, "stb_image 2.27");
    assert_int_equal(r->pipeline.tokenizer_revision, 1);
    assert_string_equal(r->trained_pipeline.image_decoder, "stb_image 2.27");
    assert_true(!r->synthetic && r->as_published);
    str_free(&line);
    records_free(&list);
}

static void test_records__all_below_a_folder_are_read_in_the_order_of_their_paths(void **state)
{
    static const char *const expected[] = {"dtd", "eurosat", "eurosat", "dtd", "dtd"};
    struct record_list list = {0};
    put_records(*state, "b/seed1/results.json", OLDER, "");
    put_records(*state, "a/results.json", OLDER, INPUTS); /* duplicates stay: which one wins is for scores */
    put_records(*state, "a/seed2/results.json", INPUTS, OLDER);
    put_text(*state, "a/seed2/other.json", "not a record");
    put_text(*state, "c/config.json", "{}");
    must(records_read(&list, *state));
    assert_int_equal(list.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(list.items[i].dataset, expected[i]);
    assert_true(str_ends_with(list.items[1].path, "/a/results.json"));
    assert_true(str_ends_with(list.items[4].path, "/b/seed1/results.json"));
    records_free(&list);
}

static void test_records__one_file_and_several_folders_make_one_list(void **state)
{
    struct record_list list = {0};
    put_records(*state, "a/results.json", OLDER, "");
    put_records(*state, "b/other.json", INPUTS, "");
    char *a = path_join(*state, "a"), *b = path_join(*state, "b/other.json");
    must(records_read(&list, a));
    must(records_read(&list, b)); /* a file may have any name */
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[1].dataset, "eurosat");
    records_free(&list);
    free(a);
    free(b);
}

static void test_records__nothing_is_no_error_but_a_missing_folder_is(void **state)
{
    struct record_list list = {0};
    must(records_read(&list, *state));
    put_text(*state, "results.json", "[]");
    must(records_read(&list, *state));
    assert_int_equal(list.n, 0);
    char *missing = path_join(*state, "missing");
    char *want = str_format("no folder of runs: '%s' does not exist", missing);
    assert_int_equal(records_read(&list, missing), ERR_IO);
    assert_string_equal(error_message(), want);
    free(want);
    free(missing);
    records_free(&list);
}

/* The second record with `from` replaced by `to` must be refused with "<file>:<line><message>". */
static void expect_refused(const char *tree, const char *from, const char *to, int expected,
                           const char *message)
{
    struct record_list list = {0};
    const char *at = strstr(INPUTS, from);
    assert_non_null(at);
    char *changed = str_format("%.*s%s%s", (int)(at - INPUTS), INPUTS, to, at + strlen(from));
    char *want = str_format("%s/results.json:%s", tree, message);
    put_records(tree, "results.json", OLDER, changed);
    assert_int_equal(records_read(&list, tree), expected);
    if (strcmp(error_message(), want) != 0)
        fail_msg("'%s', expected '%s'", error_message(), want);
    records_free(&list);
    free(want);
    free(changed);
}

static void test_records__what_is_no_record_is_named_with_file_and_line(void **state)
{
    const char *tree = *state;
    expect_refused(tree, "\"dataset\": \"eurosat\", ", "", ERR_FORMAT, "3: 'dataset' is missing");
    expect_refused(tree, "\"seed\": 3", "\"seed\": 3.5", ERR_FORMAT,
                   "3: 'seed': expected a whole number below 2^53, found 3.5");
    expect_refused(tree, "\"finished\": true", "\"finished\": 1", ERR_FORMAT,
                   "3: 'finished': expected true or false, found a number");
    expect_refused(tree, "\"classes\": \"new\"", "\"classes\": \"novel\"", ERR_FORMAT,
                   "3: 'classes': expected all, base or new, found 'novel'");
    expect_refused(tree, "[0.5, 0.25, 0.75]", "[]", ERR_FORMAT, "3: 'accuracy_per_iteration' is empty");
    expect_refused(tree, "[0.5, 0.25, 0.75]", "[0.5, \"a\"]", ERR_FORMAT,
                   "3: 'accuracy_per_iteration': expected a number, found a string");
    expect_refused(tree, "\"weights_sha256\": \"w1\", ", "", ERR_FORMAT, "3: 'weights_sha256' is missing");
    expect_refused(tree, "\"tokenizer_revision\": 8", "\"tokenizer_revision\": true", ERR_FORMAT,
                   "3: 'tokenizer_revision': expected a whole number, found true or false");
    expect_refused(tree, "\"lr\": 0.5", "\"lr\": -1", ERR_USAGE,
                   "3: key 'training.lr': expected a number from 0 to 1000, found -1");
    expect_refused(tree, "\"lr\": 0.5", "\"lrr\": 0.5", ERR_USAGE,
                   "3: unknown key 'training.lrr'; did you mean 'training.lr'?");
}

static void test_records__a_file_that_is_no_array_is_refused(void **state)
{
    struct record_list list = {0};
    char *want = str_format("'%s/results.json': expected an array of result records", (char *)*state);
    put_text(*state, "results.json", "{}");
    assert_int_equal(records_read(&list, *state), ERR_FORMAT);
    assert_string_equal(error_message(), want);
    records_free(&list);
    free(want);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_records__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(a_record_holds_what_was_written),
        TEST(an_older_record_was_made_as_the_first_program_did),
        TEST(all_below_a_folder_are_read_in_the_order_of_their_paths),
        TEST(one_file_and_several_folders_make_one_list),
        TEST(nothing_is_no_error_but_a_missing_folder_is),
        TEST(what_is_no_record_is_named_with_file_and_line),
        TEST(a_file_that_is_no_array_is_refused),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
