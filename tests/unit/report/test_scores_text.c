/* Records that no table mixes, and the table as text. */
#include "scores_table.h"

/* ---------------------------------------------------------------- what may not be mixed */

static void test_scores_text__models_pixels_classes_and_images_are_not_mixed(void **state)
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

static void test_scores_text__a_data_set_of_another_table_is_refused(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "1", "CoOp", "imagenet_a");
    expect_refused(&t, "table1 has none of the data sets that are asked for");
    close_table(&t);
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
static void test_scores_text__a_table_is_written_in_three_formats(void **state)
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

static void test_scores_text__names_are_escaped_in_latex(void **state)
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
        cmocka_unit_test(test_scores_text__models_pixels_classes_and_images_are_not_mixed),
        cmocka_unit_test(test_scores_text__a_data_set_of_another_table_is_refused),
        cmocka_unit_test(test_scores_text__a_table_is_written_in_three_formats),
        cmocka_unit_test(test_scores_text__names_are_escaped_in_latex),
    };
    return cmocka_run_group_tests_name("scores_text", tests, NULL, NULL);
}
