/* A job of a grid: how much of it is done, and whose folder it is. */
#include "grid_plan.h"

/* ---------------------------------------------------------------- what is done */

static void test_grid_job__records_of_both_halves_make_it_done(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    put_training(&p, FOLDER, &RUN);
    put_records(&p, FOLDER, &RUN, &RUN);
    expect_job(job_of(&p), &p, FOLDER, GRID_DONE, false, 0.0);
    put_records(&p, FOLDER, &RUN, NULL);
    const struct grid_job *job = job_of(&p);
    expect_job(job, &p, FOLDER, GRID_TO_RUN, false, 10.0); /* the training is, the evaluation is not */
    assert_true(!job->lacks_base && job->lacks_new && job->is_begun);
    assert_int_equal(job->unscored.n, 1);
    close_plan(&p);
}

static void test_grid_job__a_record_of_anything_else_does_not_count(void **state)
{
    const struct left others[] = {
        {.dataset = "dtd", .seed = 2},
        {.dataset = "dtd", .seed = 1, .set = "training.lr=0.5"},
        {.dataset = "dtd", .seed = 1, .weights = "b"},
        {.dataset = "dtd", .seed = 1, .decoder = "another"},
        {.dataset = "dtd", .seed = 1, .class_digest = "c"},
        {.dataset = "dtd", .seed = 1, .image_digest = "i"},
        {.dataset = "dtd", .seed = 1, .untrained = true},
        {.dataset = "dtd", .seed = 1, .limit = 3},
        {.dataset = "dtd", .seed = 1, .step = 9, .n_steps = 10},
    };
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        put_records(&p, FOLDER, &others[i], &RUN);
        const struct grid_job *job = job_of(&p);
        if (job->state != GRID_TO_RUN || !job->lacks_base || job->lacks_new)
            fail_msg("record %zu counts", i);
    }
    /* in another precision, and with another number of threads, it is the same experiment */
    struct left same = RUN;
    same.set = "precision=bf16";
    put_records(&p, FOLDER, &same, &RUN);
    assert_int_equal(job_of(&p)->state, GRID_DONE);
    close_plan(&p);
}

/* Where runs end after five steps, one that was stopped there, or later, or that has no more, is done. */
static void test_grid_job__a_record_counts_where_a_short_run_ends(void **state)
{
    static const struct {
        int64_t step, n_steps;
        enum grid_state state;
    } cases[] = {{4, 10, GRID_TO_RUN}, {5, 10, GRID_DONE}, {6, 10, GRID_DONE}, {3, 3, GRID_DONE}};
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    p.options.max_steps = 5;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct left run = RUN;
        run.step = cases[i].step;
        run.n_steps = cases[i].n_steps;
        put_training(&p, FOLDER, &run);
        put_records(&p, FOLDER, &run, &run);
        const struct grid_job *job = job_of(&p);
        assert_int_equal(job->state, cases[i].state);
        assert_int_equal(job->must_train, cases[i].state == GRID_TO_RUN);
    }
    close_plan(&p);
}

static void test_grid_job__a_training_is_resumed(void **state)
{
    struct left run = RUN;
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    run.step = 0; /* before its first checkpoint */
    put_training(&p, FOLDER, &run);
    assert_true(job_of(&p)->is_begun);
    run.step = 4;
    put_training(&p, FOLDER, &run);
    expect_job(job_of(&p), &p, FOLDER, GRID_TO_RUN, true, 4810.0);
    assert_true(p.grid.jobs[0].is_begun);
    assert_null(p.grid.jobs[0].aside);
    close_plan(&p);
}

/* What is done between the plan and the start of a job is seen before it starts. */
static void test_grid_job__an_update_sees_what_was_done_meanwhile(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    make(&p);
    put_training(&p, FOLDER, &RUN);
    put_records(&p, FOLDER, &RUN, &RUN);
    must(grid_job_update(&p.grid.jobs[0], &p.grid.setup));
    assert_int_equal(p.grid.jobs[0].state, GRID_DONE);
    close_plan(&p);
}

/* ---------------------------------------------------------------- another training in the folder */

static void expect_aside(struct plan *p, const struct left *left, const char *why)
{
    put_training(p, FOLDER, left);
    const struct grid_job *job = job_of(p);
    char *folder = path_join(p->out_dir, FOLDER);
    char *start = str_format("'%s' holds another training (%s): '%s-", folder, why, folder);
    assert_non_null(job->aside);
    if (!str_starts_with(job->aside, start))
        fail_msg("'%s', expected '%s'", job->aside, start);
    /* the job's hash, the model's digest and that of its pixels tell the folder from any other */
    char hash[DIGEST_HEX_SIZE];
    must(config_hash(hash, &job->config));
    char *name = str_format("%s-%.8s-aaaaaaaa-", folder, hash);
    assert_true(str_starts_with(job->folder, name));
    assert_int_equal(strlen(job->folder), strlen(name) + 8);
    assert_true(job->must_train && !job->is_begun && job->state == GRID_TO_RUN);
    free(name);
    free(start);
    free(folder);
}

static void test_grid_job__another_training_is_left_alone(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    struct left other = RUN;
    other.set = "training.lr=0.5";
    expect_aside(&p, &other, "training.lr is 0.5 there, here 0.002");
    other.step = 0; /* config.json alone */
    expect_aside(&p, &other, "training.lr is 0.5 there, here 0.002");
    other = RUN;
    other.weights = "bbbbbbbbbbbbbbbbbbbb";
    expect_aside(&p, &other, "weights of SHA-256 bbbbbbbbbbbbbbbb... there, here aaaaaaaaaaaaaaaa...");
    other = RUN;
    other.decoder = "another";
    expect_aside(&p, &other, "the image decoder (another there, here stb_image 2.27)");
    other = RUN;
    other.seed = 7;
    expect_aside(&p, &other, "seed is 7 there, here 1");
    close_plan(&p);
}

static void test_grid_job__a_folder_aside_of_another_training_is_an_error(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    p.options.n_seeds = 1;
    struct left other = RUN;
    other.seed = 7;
    put_training(&p, FOLDER, &other);
    char *aside = str_dup(job_of(&p)->folder);
    put_training(&p, aside + strlen(p.out_dir) + 1, &other);
    char *want = str_format("'%s' holds another training: seed is 7 there, here 1", aside);
    grid_close(&p.grid);
    assert_int_equal(grid_open(&p.grid, p.x, &p.options, &p.model), ERR_USAGE);
    assert_string_equal(error_message(), want);
    /* and so it is if the other training comes there after the plan */
    char *config = str_format("%s/" RUN_CONFIG_FILE, aside),
         *checkpoint = str_format("%s/" RUN_CHECKPOINT_FILE, aside);
    assert_int_equal(unlink(config) + unlink(checkpoint), 0);
    make(&p);
    put_training(&p, aside + strlen(p.out_dir) + 1, &other);
    assert_int_equal(grid_job_update(&p.grid.jobs[0], &p.grid.setup), ERR_USAGE);
    assert_string_equal(error_message(), want);
    free(checkpoint);
    free(config);
    free(want);
    free(aside);
    close_plan(&p);
}

static void test_grid_job__a_broken_checkpoint_is_an_error(void **state)
{
    struct plan p;
    put_dtd(*state);
    open_plan(&p, *state, "1", "CoOp", "dtd");
    put_training(&p, FOLDER, &RUN);
    put_text(*state, "runs/base2new/coop/dtd/seed1/" RUN_CHECKPOINT_FILE, "noise");
    assert_int_equal(grid_open(&p.grid, p.x, &p.options, &p.model), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "5 bytes are too few for a safetensors file"));
    close_plan(&p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_grid_job__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(records_of_both_halves_make_it_done),
        TEST(a_record_of_anything_else_does_not_count),
        TEST(a_record_counts_where_a_short_run_ends),
        TEST(a_training_is_resumed),
        TEST(an_update_sees_what_was_done_meanwhile),
        TEST(another_training_is_left_alone),
        TEST(a_folder_aside_of_another_training_is_an_error),
        TEST(a_broken_checkpoint_is_an_error),
    };
    return cmocka_run_group_tests_name("grid_job", tests, NULL, NULL);
}
