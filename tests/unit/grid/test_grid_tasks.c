/* Bundles of runs, and the file of a job array's tasks. */
#include "grid_plan.h"

#include "prompt/grid/note.h"
#include "prompt/grid/tasks.h"

/* Five runs of Table 1 on DTD whose work is given. */
static void open_five(struct plan *p, char *tree, const double *work)
{
    put_dtd(tree);
    open_plan(p, tree, "1", "CLIP,CoOp,ProMPT", "dtd");
    make(p);
    assert_int_equal(p->grid.n_jobs, 5);
    for (size_t i = 0; i < 5; i++)
        p->grid.jobs[i].work = work[i];
}

static void expect_task(const struct grid_task *t, const struct plan *p, const char *jobs)
{
    assert_int_equal(t->runs.n, strlen(jobs));
    for (size_t i = 0; i < t->runs.n; i++)
        assert_string_equal(t->runs.items[i], p->grid.jobs[jobs[i] - '0'].name);
}

static void test_grid_tasks__the_longest_goes_to_the_least_task(void **state)
{
    struct plan p;
    struct grid_tasks t;
    open_five(&p, *state, (const double[]){1.0, 7.0, 5.0, 4.0, 3.0});
    must(grid_tasks_make(&t, &p.grid, 2));
    assert_int_equal(t.n, 2);
    expect_task(&t.items[0], &p, "023"); /* 5, 4, 1 */
    expect_task(&t.items[1], &p, "14");  /* 7, 3 */
    assert_true(t.items[0].seconds == 10.0 && t.items[1].seconds == 10.0);
    grid_tasks_free(&t);
    close_plan(&p);
}

static void test_grid_tasks__a_run_each_if_there_are_enough(void **state)
{
    struct plan p;
    struct grid_tasks t;
    open_five(&p, *state, (const double[]){0.0, 0.0, 0.0, 0.0, 0.0});
    must(grid_tasks_make(&t, &p.grid, 1000));
    assert_int_equal(t.n, 5);
    for (size_t i = 0; i < 5; i++)
        expect_task(&t.items[i], &p, (char[]){(char)('0' + i), '\0'});
    grid_tasks_free(&t);
    close_plan(&p);
}

static void test_grid_tasks__the_time_of_finished_runs_counts(void **state)
{
    struct plan p;
    struct grid_tasks t;
    open_five(&p, *state, (const double[]){10.0, 1.0, 1.0, 1.0, 1.0});
    struct grid_job *done = &p.grid.jobs[1]; /* of CoOp, which took 100 s for 1 */
    done->state = GRID_DONE;
    must(file_make_dirs(done->folder));
    must(grid_note_write(done->folder, &(struct grid_note){.seconds = 100.0, .work = 1.0}));
    struct grid_job *clip = &p.grid.jobs[0];
    clip->state = GRID_DONE;
    must(file_make_dirs(clip->folder));
    must(grid_note_write(clip->folder, &(struct grid_note){.seconds = 1.0, .work = 1.0}));
    must(grid_tasks_make(&t, &p.grid, 3));
    assert_int_equal(t.n, 3);
    expect_task(&t.items[0], &p, "2"); /* CoOp's: 100 s; ProMPT's take the pace of all: 50.5 s */
    assert_true(t.items[0].seconds == 100.0 && t.items[1].seconds == 50.5);
    grid_tasks_free(&t);
    close_plan(&p);
}

static void test_grid_tasks__the_file_tells_a_task_its_runs(void **state)
{
    struct plan p;
    struct grid_tasks t;
    struct str text = {0};
    struct str_list runs = {0}, datasets = {0};
    open_five(&p, *state, (const double[]){1.0, 7.0, 5.0, 4.0, 3.0});
    must(grid_tasks_make(&t, &p.grid, 2));
    must(grid_tasks_write(&text, &t, &p.grid));
    put_text(*state, "tasks.json", str_text(&text));
    char *path = path_join(*state, "tasks.json");
    must(grid_tasks_read(&runs, &datasets, path, 2));
    assert_int_equal(runs.n, 2);
    assert_string_equal(runs.items[1], p.grid.jobs[4].name);
    assert_int_equal(datasets.n, 1);
    assert_string_equal(datasets.items[0], "dtd");
    assert_int_equal(grid_tasks_read(&runs, &datasets, path, 3), ERR_USAGE);
    assert_string_equal(error_message(), "option '--task': expected a number from 1 to 2, found 3");
    free(path);
    str_free(&text);
    str_list_free(&runs);
    str_list_free(&datasets);
    grid_tasks_free(&t);
    close_plan(&p);
}

static void test_grid_tasks__a_plan_of_some_runs_has_these_alone(void **state)
{
    struct plan p;
    struct str_list only = {0};
    put_dtd(*state);
    open_plan(&p, *state, "1", "CLIP,CoOp", "dtd");
    must(str_list_add(&only, "base2new/coop/dtd/seed2"));
    p.options.only = &only;
    assert_string_equal(job_of(&p)->name, "base2new/coop/dtd/seed2");
    str_list_free(&only);
    close_plan(&p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_grid_tasks__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(the_longest_goes_to_the_least_task),  TEST(a_run_each_if_there_are_enough),
        TEST(the_time_of_finished_runs_counts),    TEST(the_file_tells_a_task_its_runs),
        TEST(a_plan_of_some_runs_has_these_alone),
    };
    return cmocka_run_group_tests_name("grid_tasks", tests, NULL, NULL);
}
