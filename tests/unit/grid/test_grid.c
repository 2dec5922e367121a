/* The plan of a grid: the jobs, their folders and their work. */
#include "grid_plan.h"

/* ---------------------------------------------------------------- what is to run */

/* Evaluation: 3 * 2 + 2 * 2 = 10. Training of CoOp: base has 4 images of 2
 * classes, 200 epochs, each three times as much work: 3 * 4 * 200 * 2 = 4800. */
static void test_grid__without_runs_all_is_to_run(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CLIP,CoOp", "dtd");
    make(&p);
    assert_int_equal(p.grid.n_jobs, 3);
    expect_job(&p.grid.jobs[0], &p, "base2new/clip/dtd/seed1", GRID_TO_RUN, false,
               10.0); /* one for all seeds */
    expect_job(&p.grid.jobs[1], &p, "base2new/coop/dtd/seed1", GRID_TO_RUN, true, 4810.0);
    expect_job(&p.grid.jobs[2], &p, "base2new/coop/dtd/seed2", GRID_TO_RUN, true, 4810.0);
    assert_int_equal(p.grid.jobs[2].config.seed, 2);
    assert_true(p.grid.jobs[1].lacks_base && p.grid.jobs[1].lacks_new && !p.grid.jobs[1].is_begun);
    assert_int_equal(grid_count(&p.grid, GRID_TO_RUN), 3);
    p.options.seeds = (const int64_t[]){5};
    p.options.n_seeds = 1;
    make(&p);
    expect_job(&p.grid.jobs[0], &p, "base2new/clip/dtd/seed1", GRID_TO_RUN, false,
               10.0); /* the preset's seed */
    expect_job(&p.grid.jobs[1], &p, "base2new/coop/dtd/seed5", GRID_TO_RUN, true, 4810.0);
    const struct grid_data *data = grid_setup_find(&p.grid.setup, "dtd");
    assert_true(data->lists[CLASS_SUBSET_BASE].n_images == 3 && data->lists[CLASS_SUBSET_NEW].n_classes == 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(data->lists[CLASS_SUBSET_BASE + i].class_names, class_digests[i]);
        assert_string_equal(data->lists[CLASS_SUBSET_BASE + i].images, image_digests[i]);
    }
    close_plan(&p);
}

/* Five steps of 32 images are fewer than all: 3 * 160 * 2 = 960; a limit of 1 leaves 1 * 2 + 1 * 2. */
static void test_grid__a_short_run_is_less_work(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    p.options.max_steps = 5;
    p.options.limit = 1;
    expect_job(job_of(&p), &p, FOLDER, GRID_TO_RUN, true, 964.0);
    close_plan(&p);
}

static void test_grid__a_folder_is_named_by_what_a_row_changes(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "4", "N = 1", "dtd");
    must(str_list_add(&p.sets, "zero_shot_template=a photo of {}"));
    must(str_list_add(&p.sets, "threads=3")); /* a machine's setting */
    p.options.n_seeds = 1;
    char *want =
        path_join(p.out_dir, "base2new/prompt/iterations=1+zero_shot_template=a_photo_of___/dtd/seed1");
    assert_string_equal(job_of(&p)->folder, want);
    free(want);
    close_plan(&p);
}

/* ---------------------------------------------------------------- data sets that are not there */

static void test_grid__a_data_set_that_is_not_there_is_reported_once(void **state)
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
static void test_grid__a_missing_training_image_stops_those_that_train(void **state)
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
static void test_grid__without_the_source_nothing_can_be_trained(void **state)
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
static void test_grid__a_source_is_needed_but_no_target(void **state)
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
static void test_grid__rows_of_one_run_have_one_job(void **state)
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_grid__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(without_runs_all_is_to_run),
        TEST(a_short_run_is_less_work),
        TEST(a_folder_is_named_by_what_a_row_changes),
        TEST(a_data_set_that_is_not_there_is_reported_once),
        TEST(a_missing_training_image_stops_those_that_train),
        TEST(without_the_source_nothing_can_be_trained),
        TEST(a_source_is_needed_but_no_target),
        TEST(rows_of_one_run_have_one_job),
    };
    return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
