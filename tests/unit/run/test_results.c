/* What a result record says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/str.h"
#include "prompt/image/image.h"
#include "prompt/run/results.h"

/* An evaluation of three images of two classes, the second of them without images. */
struct evaluation {
    struct config config;
    struct weights weights;
    struct dataset dataset;
    struct session session;
    struct class_list classes;
    struct item_list items;
    struct eval_result result;
    struct progress progress;
    struct provenance provenance;
    struct record_context context;
};

static char NAME0[] = "sea_horse", NAME1[] = "a \"quoted\" name", SAMPLE[] = "4567", TRAINED[] = "89ab";
static char *NAMES[] = {NAME0, NAME1};

static void open_evaluation(struct evaluation *e)
{
    *e = (struct evaluation){.weights.sha256 = "0123", .dataset.name = "caltech101"};
    assert_int_equal(config_init(&e->config), OK);
    e->weights.preprocess = preprocess_default(224);
    e->session = (struct session){.config = &e->config, .weights = &e->weights};
    e->classes =
        (struct class_list){.dataset = &e->dataset, .subset = CLASS_SUBSET_NEW, .names = NAMES, .n = 2};
    for (int i = 0; i < 3; i++)
        assert_int_equal(item_list_add(&e->items, "image.jpg", 0), OK);
    assert_int_equal(metrics_create(&e->result.metrics, 1, 2), OK);
    const float logits[3][2][2] = {{{1, 0}, {1, 0}}, {{0, 1}, {1, 0}}, {{0, 1}, {0, 1}}};
    metrics_add(&e->result.metrics, &logits[0][0][0], (const int64_t[]){0, 0, 0}, 3);
    e->result.n_skipped = 1;
    e->result.seconds = 1.5;
    e->progress = (struct progress){.epoch = 2, .step = 8, .n_steps = 8};
    e->provenance = (struct provenance){.sample_digest = SAMPLE, .class_digest = TRAINED};
    assert_int_equal(pipeline_read(&e->provenance.pipeline, NULL, NULL, 0), OK);
    e->context = (struct record_context){.session = &e->session,
                                         .classes = &e->classes,
                                         .items = &e->items,
                                         .progress = &e->progress,
                                         .provenance = &e->provenance};
}

static void close_evaluation(struct evaluation *e)
{
    metrics_free(&e->result.metrics);
    pipeline_free(&e->provenance.pipeline);
    item_list_free(&e->items);
    config_free(&e->config);
}

static struct json_doc *make_record(const struct evaluation *e)
{
    struct str text = {0};
    struct json_doc *doc = NULL;
    if (record_write(&text, &e->context, &e->result) != OK)
        fail_msg("%s", error_message());
    assert_null(strchr(str_text(&text), '\n'));
    if (json_parse(&doc, text.data, text.len, "record") != OK)
        fail_msg("%s", error_message());
    str_free(&text);
    return doc;
}

static const struct json *at(const struct json_doc *doc, const char *key)
{
    const struct json *v = json_get(json_root(doc), key);
    if (!v)
        fail_msg("'%s' is missing", key);
    return v;
}

static double number_at(const struct json_doc *doc, const char *key)
{
    double value = 0.0;
    assert_int_equal(json_f64(&value, at(doc, key)), OK);
    return value;
}

static const char *text_of(const struct json *v)
{
    const char *text = NULL;
    assert_int_equal(json_string(&text, v), OK);
    return text;
}

static bool is_finished(const struct evaluation *e)
{
    struct json_doc *doc = make_record(e);
    bool value = false;
    assert_int_equal(json_bool(&value, at(doc, "finished")), OK);
    json_free(doc);
    return value;
}

static void test_results__a_record_says_what_was_counted_and_on_what(void **state)
{
    (void)state;
    struct evaluation e;
    open_evaluation(&e);
    struct json_doc *doc = make_record(&e);
    assert_string_equal(text_of(at(doc, "method")), "prompt");
    assert_string_equal(text_of(at(doc, "dataset")), "caltech101");
    assert_string_equal(text_of(at(doc, "classes")), "new");
    assert_true(number_at(doc, "correct") == 2 && number_at(doc, "total") == 3);
    assert_true(number_at(doc, "accuracy") == 2.0 / 3);
    assert_true(number_at(doc, "skipped_images") == 1);
    assert_true(number_at(doc, "n_classes_predicted") == 2);
    double first = 0.0;
    const struct json *per_iteration = at(doc, "accuracy_per_iteration");
    assert_int_equal(json_size(per_iteration), 2);
    assert_int_equal(json_f64(&first, json_first(per_iteration)), OK);
    assert_true(first == 1.0 / 3);
    const struct json *digests = at(doc, "digests");
    assert_string_equal(text_of(json_get(digests, "weights_sha256")), "0123");
    assert_string_equal(text_of(json_get(digests, "sample")), "4567");
    char preprocessing[DIGEST_HEX_SIZE];
    assert_int_equal(preprocess_digest(preprocessing, &e.weights.preprocess), OK);
    assert_string_equal(text_of(json_get(digests, "preprocessing")), preprocessing);
    const struct json *inputs = at(doc, "inputs"), *trained = at(doc, "trained_inputs");
    assert_true(str_starts_with(text_of(json_get(inputs, "preprocessing")), "shortest, bicubic, mean 0.48"));
    assert_string_equal(text_of(json_get(inputs, "image_decoder")), image_decoder());
    assert_string_equal(text_of(json_get(trained, "image_decoder")), "stb_image 2.27"); /* an old run's */
    assert_string_equal(text_of(json_get(digests, "trained_class_names")), "89ab");
    assert_int_equal(json_type(at(doc, "config")), JSON_OBJECT);
    assert_int_equal(strlen(text_of(at(doc, "config_hash"))), 64);
    assert_null(json_get(json_root(doc), "per_class"));
    json_free(doc);
    close_evaluation(&e);
}

static void test_results__per_class_has_null_for_a_class_without_images(void **state)
{
    (void)state;
    struct evaluation e;
    open_evaluation(&e);
    e.context.per_class = true;
    struct json_doc *doc = make_record(&e);
    const struct json *first = json_first(at(doc, "per_class")), *second = json_next(first);
    assert_string_equal(text_of(json_get(second, "class")), NAMES[1]);
    assert_int_equal(json_type(json_get(first, "accuracy")), JSON_NUMBER);
    assert_int_equal(json_type(json_get(second, "accuracy")), JSON_NULL);
    assert_int_equal(json_size(at(doc, "confusion")), 2);
    assert_true(number_at(doc, "macro_f1") == 0.8); /* tp 2, fn 1 */
    json_free(doc);
    close_evaluation(&e);
}

static void test_results__only_whole_evaluations_of_whole_trainings_are_finished(void **state)
{
    (void)state;
    struct evaluation e;
    open_evaluation(&e);
    assert_true(is_finished(&e));
    e.context.limit = 3;
    assert_false(is_finished(&e));
    e.context.limit = 0;
    e.progress.step = 7;
    assert_false(is_finished(&e));
    e.context.progress = NULL; /* nothing was to be trained */
    e.context.provenance = NULL;
    assert_true(is_finished(&e));
    e.context.untrained = true;
    assert_false(is_finished(&e));
    close_evaluation(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results__a_record_says_what_was_counted_and_on_what),
        cmocka_unit_test(test_results__per_class_has_null_for_a_class_without_images),
        cmocka_unit_test(test_results__only_whole_evaluations_of_whole_trainings_are_finished),
    };
    return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
