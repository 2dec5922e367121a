/* Scores: means, deviations and averages against numbers made by hand, and the tables as text. */
#include "score_table.h"

/* ---------------------------------------------------------------- numbers */

/* base: 70, 72, 77: mean 73, deviations -3, -1, 4, their squares / 2 = 13; new: 50, 51, 55: mean 52,
 * 14 / 2 = 7. HM of the means: 2 * 73 * 52 / 125 = 60.736. The paper: CoOp on DTD in Table 1. */
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

/* base 81.5 = (73 + 90) / 2, new 56 = (52 + 60) / 2; HM of these 2 * 81.5 * 56 / 137.5 = 66.38545...; HM
 * of each 60.736 and 2 * 90 * 60 / 150 = 72, their mean 66.368. The paper's over the same two: base (79.44
 * + 92.19) / 2, new (41.18 + 54.74) / 2, HM of these 61.53148794617828, mean of 54.24 and 68.69. */
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
    assert_null(line_of(&t, "average over the data sets of all rows (HM of the averages)", "CoOp"));
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
    expect_score(&t, "average over the data sets of all rows (HM of the averages)", "CoOp", 0, 80.0, NAN,
                 79.44);
    expect_score(&t, "average over the data sets of all rows (HM of the averages)", "CoCoOp", 0, 80.0, NAN,
                 77.01);
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

/* 72.34, 72.36, 72.66 are rounded to 72.3, 72.4, 72.7, whose mean 72.4666...
 * to 72.47; ours is 72.45333... CoOp's cells were not published so. */
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

/* ---------------------------------------------------------------- the table as text */

static void expect_text(const struct table *t, enum score_format format, const char *want)
{
    struct str text = {0};
    must(scores_write(&text, &t->scores, format));
    if (strstr(str_text(&text), want) == NULL)
        fail_msg("'%s' is not in:\n%s", want, str_text(&text));
    str_free(&text);
}

/* 73.00 - 79.44 = -6.44, 52.00 - 41.18 = +10.82, 60.736 - 54.24 = +6.496 */
static void test_scores__a_table_is_written_in_three_formats(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "dtd");
    add_halves(&t, "CoOp", "dtd", (const double[]){70, 72, 77}, (const double[]){50, 51, 55});
    make(&t);
    expect_text(&t, SCORE_MARKDOWN,
                "| data set | method | base | paper | difference | new | paper | difference | HM |");
    expect_text(&t, SCORE_MARKDOWN,
                "| DTD | CoOp | 73.00 ± 3.61 | 79.44 | -6.44 | 52.00 ± 2.65 | 41.18 | +10.82 | 60.74 | 54.24 "
                "| +6.50 | "
                "3 seeds |\n");
    expect_text(&t, SCORE_MARKDOWN, "| average (HM of the averages) | CoOp | 73.00 | 79.44 | -6.44 |");
    expect_text(&t, SCORE_MARKDOWN, " | 1 of 11 data sets |\n");
    expect_text(&t, SCORE_CSV,
                "data_set,method,series,x,n,n_expected,base,base_sd,base_paper,base_difference,");
    expect_text(&t, SCORE_CSV,
                "\nDTD,CoOp,CoOp,,3,3,73.0000,3.6056,79.4400,-6.4400,52.0000,2.6458,41.1800,10.8200,"
                "60.7360,,54.2400,6.4960,\n");
    expect_text(&t, SCORE_LATEX, "DTD & CoOp & 73.00 $\\pm$ 3.61 & 79.44 & -6.44 &");
    must(str_list_add(&t.scores.labels, "training.lr=0.5"));
    expect_text(&t, SCORE_MARKDOWN, "**Not the paper's settings: training.lr=0.5.**\n");
    expect_text(&t, SCORE_CSV, "6.4960,training.lr=0.5\n");
    expect_text(&t, SCORE_LATEX, "\\textbf{Not the paper's settings: training.lr=0.5.}");
    close_table(&t);
}

static void test_scores__names_are_escaped_in_latex(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "5", "-G^V", "dtd");
    make(&t);
    expect_text(&t, SCORE_LATEX, "DTD & -$G^V$ & -- & ");
    expect_text(&t, SCORE_MARKDOWN, "| DTD | -G^V | – |");
    close_table(&t);
    open_table(&t, "figure8d", "ProMPT", "dtd");
    make(&t);
    expect_text(&t, SCORE_LATEX, "DTD & $\\lambda$ = 0.25 & -- & ");
    expect_text(&t, SCORE_CSV, "\nDTD,λ = 0.25,ProMPT,0.25,0,3,");
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
        cmocka_unit_test(test_scores__a_table_is_written_in_three_formats),
        cmocka_unit_test(test_scores__names_are_escaped_in_latex),
    };
    return cmocka_run_group_tests_name("scores", tests, NULL, NULL);
}
