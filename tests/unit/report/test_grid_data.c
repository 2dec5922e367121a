/* Grids whose data sets are not all there, and the time that is left. */
#include "grid_plan.h"
#include "prompt/base/path.h"

/* ---------------------------------------------------------------- data sets that are not there */

static void test_grid_data__a_data_set_that_is_not_there_is_reported_once(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CLIP,CoOp", "dtd,eurosat");
    make(&p);
    assert_int_equal(p.grid.n_jobs, 6);
    assert_int_equal(grid_count(&p.grid, GRID_NO_DATA), 3);
    assert_int_equal(grid_count(&p.grid, GRID_TO_RUN), 3);
    assert_int_equal(p.grid.setup.there.n, 1);
    assert_string_equal(p.grid.setup.there.items[0], "dtd");
    assert_int_equal(p.grid.setup.absent.n, 1);
    assert_string_equal(p.grid.setup.absent.items[0], "eurosat");
    assert_int_equal(p.grid.setup.reasons.n, 1);
    assert_non_null(strstr(p.grid.setup.reasons.items[0], "data set 'eurosat'"));
    assert_int_equal(p.grid.jobs[3].state, GRID_NO_DATA); /* data set after data set */
    close_plan(&p);
}

/* Without a training image CLIP can be evaluated, CoOp cannot be trained. */
static void test_grid_data__a_missing_training_image_stops_those_that_train(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CLIP,CoOp", "dtd");
    char *image = path_join(*state, "data/dtd/images/r2.jpg");
    assert_int_equal(unlink(image), 0);
    make(&p);
    assert_int_equal(p.grid.jobs[0].state, GRID_TO_RUN);
    assert_int_equal(p.grid.jobs[1].state, GRID_NO_DATA);
    assert_int_equal(p.grid.jobs[2].state, GRID_NO_DATA);
    assert_int_equal(p.grid.setup.there.n, 1);
    assert_int_equal(p.grid.setup.reasons.n, 1); /* the same for both seeds */
    assert_non_null(strstr(p.grid.setup.reasons.items[0], "r2.jpg"));
    free(image);
    close_plan(&p);
}

/* Table 2 trains on ImageNet and evaluates on the others: without ImageNet there is nothing to run. */
static void test_grid_data__without_the_source_nothing_can_be_trained(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "2", "CLIP,CoOp", "dtd");
    make(&p);
    assert_int_equal(p.grid.n_jobs, 3);
    assert_int_equal(p.grid.jobs[0].state, GRID_TO_RUN); /* CLIP trains nothing */
    assert_int_equal(p.grid.jobs[0].targets.n, 1);
    assert_string_equal(p.grid.jobs[0].targets.items[0], "dtd");
    assert_int_equal(p.grid.jobs[1].state, GRID_NO_DATA);
    assert_string_equal(p.grid.jobs[1].config.data_dataset, "imagenet");
    close_plan(&p);
}

/* The experiment of a table that is written here, of preset a. */
static void replace_experiment(struct plan *p, const char *table)
{
    char *path = path_join(p->tree, "tables.json");
    put_text(p->tree, "a.json", "{\"data\": {\"classes\": \"all\"}}");
    put_text(p->tree, "tables.json", table);
    experiment_free(p->x);
    must(experiment_open(&p->x, path, "t", &nothing));
    free(path);
}

/* The data set of the training is opened although it is not evaluated on. */
static void test_grid_data__a_source_is_needed_but_no_target(void **state)
{
    struct plan p;
    put_dtd(*state);
    put_dataset(*state, "oxford_pets", "split_zhou_OxfordPets.json");
    open_plan(&p, *state, "1", "", "oxford_pets");
    replace_experiment(&p,
                       "{\"t\": {\"title\": \"T\", \"classes\": \"all\", \"source\": \"dtd\", \"datasets\": "
                       "\"dtd,oxford_pets\", \"rows\": [{\"name\": \"A\", \"config\": \"a\"}]}}");
    p.options.n_seeds = 1;
    const struct grid_job *job = job_of(&p);
    assert_int_equal(job->state, GRID_TO_RUN);
    assert_string_equal(job->config.data_dataset, "dtd");
    assert_int_equal(job->targets.n, 1);
    assert_string_equal(job->targets.items[0], "oxford_pets");
    assert_true(job->work ==
                3.0 * 8 * 5 * 4 + 5 * 4); /* 8 images of 4 classes in 5 epochs; 5 images of 4 classes */
    close_plan(&p);
}

/* Rows that show several iterations of one run have one job. */
static void test_grid_data__rows_of_one_run_have_one_job(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "", "dtd");
    replace_experiment(
        &p, "{\"t\": {\"title\": \"T\", \"classes\": \"base,new\", \"datasets\": \"dtd\", \"rows\": ["
            "{\"name\": \"n = 0\", \"config\": \"a\", \"iteration\": 0}, {\"name\": \"n = N\", \"config\": "
            "\"a\"}]}}");
    make(&p);
    assert_int_equal(p.grid.n_jobs, 2); /* two seeds */
    assert_string_equal(p.grid.jobs[0].row->name, "n = 0");
    close_plan(&p);
}

/* ---------------------------------------------------------------- the time that is left */

static void test_grid_data__the_pace_is_that_of_the_row_or_of_all(void **state)
{
    (void)state;
    struct grid_pace p;
    must(grid_pace_open(&p, 3));
    assert_true(grid_pace_seconds(&p, 0, 100.0) == 0.0); /* nothing has ended */
    grid_pace_add(&p, 0, 10.0, 5.0);
    grid_pace_add(&p, 0, 30.0, 11.0);
    grid_pace_add(&p, 1, 60.0, 84.0);
    assert_true(grid_pace_seconds(&p, 0, 100.0) == 40.0);  /* 16 s for 40 */
    assert_true(grid_pace_seconds(&p, 1, 100.0) == 140.0); /* 84 s for 60 */
    assert_true(grid_pace_seconds(&p, 2, 100.0) == 100.0); /* 100 s for 100 of all */
    grid_pace_free(&p);
}

static void test_grid_data__what_is_left_is_shared_by_the_slots(void **state)
{
    (void)state;
    assert_true(grid_pace_left(60.0, (const double[]){20.0, 40.0}, 2) == 60.0); /* (60 + 20 + 40) / 2 */
    assert_true(grid_pace_left(10.0, (const double[]){0.0, 90.0}, 2) ==
                90.0);                                                     /* one run takes longer than all */
    assert_true(grid_pace_left(30.0, (const double[]){-50.0}, 1) == 30.0); /* late already: it may end now */
    assert_true(grid_pace_left(0.0, (const double[]){0.0, 0.0}, 2) == 0.0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_grid_data__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(a_data_set_that_is_not_there_is_reported_once),
        TEST(a_missing_training_image_stops_those_that_train),
        TEST(without_the_source_nothing_can_be_trained),
        TEST(a_source_is_needed_but_no_target),
        TEST(rows_of_one_run_have_one_job),
        TEST(the_pace_is_that_of_the_row_or_of_all),
        TEST(what_is_left_is_shared_by_the_slots),
    };
    return cmocka_run_group_tests_name("grid_data", tests, NULL, NULL);
}
