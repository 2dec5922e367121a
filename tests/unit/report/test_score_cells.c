/* Which records count in a table, and the notes and labels of the others. */
#include "score_table.h"

/* ---------------------------------------------------------------- which records count */

static void test_score_cells__a_cell_without_all_of_its_seeds_has_no_number(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd,eurosat,ucf101");
    for (size_t i = 0; i < 3; i++)
        add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, seeds[i], 70.0);
    add(&t, "CoOp", "dtd", CLASS_SUBSET_NEW, 2, 50.0);
    add(&t, "CoOp", "ucf101", CLASS_SUBSET_BASE, 1, 70.0);
    add(&t, "CoOp", "ucf101", CLASS_SUBSET_NEW, 1, 70.0);
    add(&t, "CoOp", "ucf101", CLASS_SUBSET_BASE, 3, 70.0);
    add(&t, "CoOp", "ucf101", CLASS_SUBSET_NEW, 3, 70.0);
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, NAN, NAN, 79.44);
    assert_int_equal(line_of(&t, "DTD", "CoOp")->n, 1);
    assert_int_equal(line_of(&t, "DTD", "CoOp")->n_expected, 3);
    expect_texts(&t.scores.notes, TEXTS("not run: CoOp on DTD (seeds 1, 3), EuroSAT, UCF101 (seed 2)"));
    close_table(&t);
}

static void test_score_cells__of_duplicates_the_latest_wins_but_a_finished_one_first(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd");
    t.options.n_seeds = 1;
    t.options.include_unfinished = true;
    struct record *late = add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 60.0);
    late->time[3] = '7'; /* 2027 */
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 70.0);
    add(&t, "CoOp", "dtd", CLASS_SUBSET_NEW, 1, 50.0);
    struct record *latest = add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 80.0);
    latest->time[3] = '9';
    latest->finished = false;
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, 60.0, NAN, 79.44);
    expect_texts(
        &t.scores.notes,
        TEXTS("duplicate records: 1; of those of the same row, data set, classes and seed, the latest wins"));
    assert_int_equal(t.scores.labels.n, 0); /* the unfinished one is not used */
    late->finished = t.records.items[1].finished = false;
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, 80.0, NAN, 79.44);
    expect_texts(&t.scores.labels, TEXTS("unfinished or limited runs"));
    close_table(&t);
}

static void test_score_cells__other_records_are_counted_and_left_out(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd");
    t.options.n_seeds = 1;
    t.options.weights = "w";
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 70.0)->n_skipped = 2;
    add(&t, "CoOp", "dtd", CLASS_SUBSET_NEW, 1, 50.0);
    add(&t, "CoOp", "dtd", CLASS_SUBSET_ALL, 1, 10.0);      /* not halves */
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 2, 10.0);     /* another seed */
    add(&t, "CoOp", "eurosat", CLASS_SUBSET_BASE, 1, 10.0); /* another data set */
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 10.0)->config.lr = 0.5;
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 10.0)->finished = false;
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 10.0)->weights[0] = 'v';
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, 70.0, NAN, 79.44);
    expect_texts(&t.scores.notes,
                 TEXTS("left out: 1 record of unfinished, untrained or limited runs",
                       "left out: 4 records of other settings, seeds, classes or data sets, the first in "
                       "runs/3/results.json",
                       "left out: 1 record of another model", "unreadable images are left out in 1 record"));
    close_table(&t);
}

/* An untrained evaluation is never a result, a limited one is one on request. */
static void test_score_cells__unfinished_runs_count_on_request_and_are_labelled(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd");
    t.options.n_seeds = 1;
    struct record *base = add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 70.0);
    add(&t, "CoOp", "dtd", CLASS_SUBSET_NEW, 1, 50.0);
    base->finished = false;
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, NAN, NAN, 79.44);
    t.options.include_unfinished = true;
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, 70.0, NAN, 79.44);
    expect_texts(&t.scores.labels, TEXTS("unfinished or limited runs"));
    base->untrained = true;
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, NAN, NAN, 79.44);
    close_table(&t);
}

static void test_score_cells__a_table_of_other_settings_is_labelled(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd,eurosat,ucf101");
    t.options.n_seeds = 1;
    must(str_list_add(&t.sets, "training.lr=0.5"));
    must(str_list_add(&t.sets, "threads=2")); /* a machine's setting is no other one */
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 70.0)->synthetic = true;
    add(&t, "CoOp", "eurosat", CLASS_SUBSET_BASE, 1, 70.0)->as_published = false;
    add(&t, "CoOp", "ucf101", CLASS_SUBSET_BASE, 1, 70.0)->as_published = false;
    for (size_t i = 0; i < t.records.n; i++)
        t.records.items[i].config.lr = 0.5;
    make(&t);
    expect_texts(
        &t.scores.labels,
        TEXTS("drawn pictures: DTD", "data other than the published: EuroSAT, UCF101", "training.lr=0.5"));
    close_table(&t);
}

/* ---------------------------------------------------------------- what may not be mixed */

static void test_score_cells__models_pixels_classes_and_images_are_not_mixed(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd");
    add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 1, 70.0);
    struct record *r = add(&t, "CoOp", "dtd", CLASS_SUBSET_BASE, 2, 70.0);
    make(&t);
    r->weights[0] = 'v';
    expect_refused(
        &t, "a table cannot mix records of two models: 'runs/1/results.json' has weights of SHA-256 w..., "
            "'runs/2/results.json' of v...");
    r->weights[0] = 'w';
    r->pipeline.tokenizer_revision = 2;
    expect_refused(
        &t, "a table cannot mix records of two kinds of pixels or tokens: 'runs/1/results.json' (there) and "
            "'runs/2/results.json' (here) were evaluated with different values of the tokenizer's revision "
            "(1 there, here 2)");
    r->pipeline.tokenizer_revision = 1;
    for (size_t i = 0; i < 2; i++)
        must(pipeline_read(&t.records.items[i].trained_pipeline, NULL, i == 0 ? NULL : "d", 0));
    expect_refused(
        &t, "a table cannot mix records of two kinds of pixels or tokens: 'runs/1/results.json' (there) and "
            "'runs/2/results.json' (here) were trained with different values of the image decoder "
            "(stb_image 2.27 there, here d)");
    pipeline_free(&r->trained_pipeline);
    r->class_digest[0] = 'x';
    expect_refused(
        &t,
        "'runs/1/results.json' and 'runs/2/results.json' are of different class names of dtd, base classes");
    r->class_digest[0] = 'n';
    r->image_digest[0] = 'x';
    expect_refused(
        &t, "'runs/1/results.json' and 'runs/2/results.json' are of different images of dtd, base classes");
    r->limit = 5; /* a limited list has images of its own */
    make(&t);
    close_table(&t);
}

static void test_score_cells__a_data_set_of_another_table_is_refused(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "imagenet_a");
    expect_refused(&t, "table1 has none of the data sets that are asked for");
    close_table(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score_cells__a_cell_without_all_of_its_seeds_has_no_number),
        cmocka_unit_test(test_score_cells__of_duplicates_the_latest_wins_but_a_finished_one_first),
        cmocka_unit_test(test_score_cells__other_records_are_counted_and_left_out),
        cmocka_unit_test(test_score_cells__unfinished_runs_count_on_request_and_are_labelled),
        cmocka_unit_test(test_score_cells__a_table_of_other_settings_is_labelled),
        cmocka_unit_test(test_score_cells__models_pixels_classes_and_images_are_not_mixed),
        cmocka_unit_test(test_score_cells__a_data_set_of_another_table_is_refused),
    };
    return cmocka_run_group_tests_name("score_cells", tests, NULL, NULL);
}
