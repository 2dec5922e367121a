/* Scores: means, deviations, averages, notes and labels, against numbers made by hand. */
#include "prompt/base/path.h"
#include "scores_table.h"

/* ---------------------------------------------------------------- numbers */

/* base: 70, 72, 77: mean 73, deviations -3, -1, 4, their squares / 2 = 13; new: 50, 51, 55: mean 52, 14 / 2 = 7.
 * HM of the means: 2 * 73 * 52 / 125 = 60.736. The paper: CoOp on DTD in Table 1. */
static void test_scores__a_cell_is_mean_and_sample_deviation_over_the_seeds(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd");
    add_halves(&t, "CoOp", "dtd", (const double[]){70, 72, 77}, (const double[]){50, 51, 55});
    make(&t);
    expect_score(&t, "DTD", "CoOp", 0, 73.0, sqrt(13.0), 79.44);
    expect_score(&t, "DTD", "CoOp", 1, 52.0, sqrt(7.0), 41.18);
    expect_score(&t, "DTD", "CoOp", 2, 60.736, NAN, 54.24);
    assert_int_equal(line_of(&t, "DTD", "CoOp")->n, 3);
    assert_string_equal(t.scores.measures[2], "HM");
    assert_int_equal(t.scores.notes.n + t.scores.labels.n, 0);
    close_table(&t);
}

/* base 81.5 = (73 + 90) / 2, new 56 = (52 + 60) / 2; HM of these 2 * 81.5 * 56 / 137.5 = 66.38545...; HM of each
 * 60.736 and 2 * 90 * 60 / 150 = 72, their mean 66.368. The paper's over the same two: base (79.44 + 92.19) / 2,
 * new (41.18 + 54.74) / 2, HM of these 61.53148794617828, mean of 54.24 and 68.69. */
static void test_scores__averages_are_over_the_data_sets_that_are_whole(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd,eurosat,food101");
    add_halves(&t, "CoOp", "dtd", (const double[]){70, 72, 77}, (const double[]){50, 51, 55});
    add_halves(&t, "CoOp", "eurosat", (const double[]){90, 90, 90}, (const double[]){60, 60, 60});
    add(&t, "CoOp", "food101", CLASS_SUBSET_BASE, 1, 10.0);
    make(&t);
    expect_score(&t, "average (HM of the averages)", "CoOp", 0, 81.5, NAN, 85.815);
    expect_score(&t, "average (HM of the averages)", "CoOp", 1, 56.0, NAN, 47.96);
    expect_score(&t, "average (HM of the averages)", "CoOp", 2, 2.0 * 81.5 * 56.0 / 137.5, NAN,
                 61.53148794617828);
    expect_score(&t, "average (mean of the HMs)", "CoOp", 2, 66.368, NAN, 61.465);
    expect_score(&t, "average without EuroSAT (HM of the averages)", "CoOp", 0, 73.0, NAN, 79.44);
    assert_int_equal(line_of(&t, "average (HM of the averages)", "CoOp")->n, 2);
    assert_int_equal(line_of(&t, "average (HM of the averages)", "CoOp")->n_expected, 11);
    assert_null(line_of(&t, "average over what all rows have (HM of the averages)", "CoOp"));
    expect_score(&t, "Food101", "CoOp", 0, NAN, NAN, 88.33); /* no number, but the paper's */
    expect_texts(&t.scores.notes, TEXTS("not run: CoOp on Food101"));
    close_table(&t);
}

static void test_scores__rows_that_differ_are_also_compared_over_what_all_have(void **state)
{
    (void)state;
    static const double base[] = {80, 80, 80}, new_[] = {60, 60, 60}, low[] = {40, 40, 40};
    struct table t;
    open_table(&t, "1", "CoOp,CoCoOp", "dtd,eurosat");
    add_halves(&t, "CoOp", "dtd", base, new_);
    add_halves(&t, "CoOp", "eurosat", low, low);
    add_halves(&t, "CoCoOp", "dtd", base, new_);
    make(&t);
    expect_score(&t, "average (HM of the averages)", "CoOp", 0, 60.0, NAN, (79.44 + 92.19) / 2);
    expect_score(&t, "average over what all rows have (HM of the averages)", "CoOp", 0, 80.0, NAN, 79.44);
    expect_score(&t, "average over what all rows have (HM of the averages)", "CoCoOp", 0, 80.0, NAN, 77.01);
    expect_texts(&t.scores.notes, TEXTS("not run: CoCoOp on EuroSAT"));
    close_table(&t);
}

/* All eleven: the paper's average is the printed one, 82.69, 63.22 and 71.66 of CoOp. */
static void test_scores__the_printed_average_is_shown_over_all_data_sets(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "");
    t.options.n_seeds = 1;
    for (size_t d = 0; d < t.x->datasets.n; d++) {
        add(&t, "CoOp", t.x->datasets.items[d], CLASS_SUBSET_BASE, 1, 60.0 + (double)d);
        add(&t, "CoOp", t.x->datasets.items[d], CLASS_SUBSET_NEW, 1, 50.0);
    }
    make(&t);
    expect_score(&t, "average (HM of the averages)", "CoOp", 0, 65.0, NAN, 82.69);
    expect_score(&t, "average (HM of the averages)", "CoOp", 2, 2.0 * 65.0 * 50.0 / 115.0, NAN, 71.66);
    expect_score(&t, "DTD", "CoOp", 0, 68.0, NAN, 79.44); /* one seed has no deviation */
    assert_int_equal(t.scores.notes.n, 0);
    close_table(&t);
}

static void test_scores__what_trains_nothing_has_one_seed(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CLIP", "dtd");
    add(&t, "CLIP", "dtd", CLASS_SUBSET_BASE, 1, 50.0);
    add(&t, "CLIP", "dtd", CLASS_SUBSET_NEW, 9, 60.0); /* of any seed */
    make(&t);
    expect_score(&t, "DTD", "CLIP", 0, 50.0, NAN, 53.24);
    assert_int_equal(line_of(&t, "DTD", "CLIP")->n_expected, 1);
    close_table(&t);
}

/* 72.34, 72.36, 72.66 are rounded to 72.3, 72.4, 72.7, whose mean 72.4666... to 72.47; ours is 72.45333... CoOp's
 * cells were not published so. */
static void test_scores__rounding_is_that_of_the_rows_published_so(void **state)
{
    (void)state;
    static const double values[] = {72.34, 72.36, 72.66};
    struct table t;
    open_table(&t, "1", "CoOp,ProMPT", "dtd");
    add_halves(&t, "ProMPT", "dtd", values, values);
    add_halves(&t, "CoOp", "dtd", values, values);
    make(&t);
    expect_number(line_of(&t, "DTD", "ProMPT")->scores[0].mean, 217.36 / 3.0);
    t.options.paper_rounding = true;
    make(&t);
    expect_number(line_of(&t, "DTD", "ProMPT")->scores[0].mean, 72.47);
    expect_number(line_of(&t, "DTD", "ProMPT")->scores[0].sd, 0.2081665999466151); /* of 72.3, 72.4, 72.7 */
    expect_number(line_of(&t, "DTD", "CoOp")->scores[0].mean, 217.36 / 3.0);
    close_table(&t);
}

static void test_scores__a_row_may_show_an_earlier_iteration(void **state)
{
    struct table t;
    char *path = path_join(*state, "tables.json");
    put_text(*state, "a.json", "{\"data\": {\"classes\": \"all\"}}");
    put_text(*state, "tables.json",
             "{\"t\": {\"title\": \"T\", \"classes\": \"all\", \"datasets\": \"dtd\", \"rows\": ["
             "{\"name\": \"n = 0\", \"config\": \"a\", \"iteration\": 0}, {\"name\": \"n = N\", \"config\": "
             "\"a\"}]}}");
    open_table(&t, "1", "", "");
    experiment_free(t.x);
    must(experiment_open(&t.x, path, "t", &nothing));
    t.options.n_seeds = 1;
    struct record *r = add(&t, "n = 0", "dtd", CLASS_SUBSET_ALL, 1, 0.0);
    free(r->accuracies);
    r->accuracies = calloc(3, sizeof(double));
    r->n_accuracies = 3;
    r->accuracies[0] = 0.25;
    r->accuracies[2] = 0.75;
    make(&t);
    expect_score(&t, "DTD", "n = 0", 0, 25.0, NAN, NAN);
    expect_score(&t, "DTD", "n = N", 0, 75.0, NAN, NAN);
    assert_string_equal(t.scores.measures[0], "accuracy");
    assert_null(t.scores.measures[1]);
    t.x->rows[0].iteration = 3;
    expect_refused(&t, "t: 'n = 0' shows iteration 3, 'runs/1/results.json' has 2");
    close_table(&t);
    free(path);
}

/* ---------------------------------------------------------------- which records count */

static void test_scores__a_cell_without_all_of_its_seeds_has_no_number(void **state)
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

static void test_scores__of_duplicates_the_latest_wins_but_a_finished_one_first(void **state)
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

static void test_scores__other_records_are_counted_and_left_out(void **state)
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
static void test_scores__unfinished_runs_count_on_request_and_are_labelled(void **state)
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

static void test_scores__a_table_of_other_settings_is_labelled(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores__a_cell_is_mean_and_sample_deviation_over_the_seeds),
        cmocka_unit_test(test_scores__averages_are_over_the_data_sets_that_are_whole),
        cmocka_unit_test(test_scores__rows_that_differ_are_also_compared_over_what_all_have),
        cmocka_unit_test(test_scores__the_printed_average_is_shown_over_all_data_sets),
        cmocka_unit_test(test_scores__what_trains_nothing_has_one_seed),
        cmocka_unit_test(test_scores__rounding_is_that_of_the_rows_published_so),
        cmocka_unit_test_setup_teardown(test_scores__a_row_may_show_an_earlier_iteration, open_tree,
                                        remove_tree),
        cmocka_unit_test(test_scores__a_cell_without_all_of_its_seeds_has_no_number),
        cmocka_unit_test(test_scores__of_duplicates_the_latest_wins_but_a_finished_one_first),
        cmocka_unit_test(test_scores__other_records_are_counted_and_left_out),
        cmocka_unit_test(test_scores__unfinished_runs_count_on_request_and_are_labelled),
        cmocka_unit_test(test_scores__a_table_of_other_settings_is_labelled),
    };
    return cmocka_run_group_tests_name("scores", tests, NULL, NULL);
}
