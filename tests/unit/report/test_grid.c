/* The plan of a grid, on a small DTD made here: what is to run, what is done, and whose folder it is. */
#include "report_files.h"

#include <inttypes.h>
#include <math.h>

#include "prompt/report/folder.h"
#include "prompt/report/grid.h"
#include "prompt/report/grid_pace.h"
#include "prompt/report/provenance.h"
#include "prompt/safetensors/header.h"

/* ---------------------------------------------------------------- data, model, plan */

/*
 * Four classes, two training images of each. Test: two images of the first class, one of each other, so that base
 * has 3 images of 2 classes and new 2 of 2. The digests are Python's:
 *   sha256("banded\nblotchy\n")[:16], sha256("braided\nbubbly\n")[:16],
 *   sha256("t0.jpg\t0\nt1.jpg\t0\nt2.jpg\t1\n"), sha256("t3.jpg\t0\nt4.jpg\t1\n")
 */
static const char *const class_digests[] = {"fd3649ef91303881", "0348ba3a002d23b4"};
static const char *const image_digests[] = {
    "d67c4c73dcc69f0d1b931ece7de66b8b97e7bfaae8c76097efd3fd5afd5158a5",
    "9e41930048f3b713735ed8b39f919a6e2826ca15c006affcc10c16130007f46c"};
static const char SPLIT[] =
    "{\"train\": [[\"r0.jpg\", 0, \"banded\"], [\"r1.jpg\", 0, \"banded\"], [\"r2.jpg\", 1, \"blotchy\"],"
    " [\"r3.jpg\", 1, \"blotchy\"], [\"r4.jpg\", 2, \"braided\"], [\"r5.jpg\", 2, \"braided\"],"
    " [\"r6.jpg\", 3, \"bubbly\"], [\"r7.jpg\", 3, \"bubbly\"]], \"val\": [],"
    " \"test\": [[\"t0.jpg\", 0, \"banded\"], [\"t1.jpg\", 0, \"banded\"], [\"t2.jpg\", 1, \"blotchy\"],"
    " [\"t3.jpg\", 2, \"braided\"], [\"t4.jpg\", 3, \"bubbly\"]]}";

struct plan {
    char *tree, *out_dir;
    struct experiment *x;
    struct str_list datasets, sets;
    struct grid_options options;
    struct grid_model model;
    struct grid grid;
};

static const int64_t seeds[] = {1, 2};

static void put_image(const char *tree, const char *set, const char *kind, int i)
{
    char *name = str_format("data/%s/images/%s%d.jpg", set, kind, i);
    put_text(tree, name, "x");
    free(name);
}

/* The data set of that name, with the same list. */
static void put_dataset(const char *tree, const char *set, const char *split_file)
{
    char *name = str_format("data/%s/%s", set, split_file);
    put_text(tree, name, SPLIT);
    for (int i = 0; i < 8; i++)
        put_image(tree, set, "r", i);
    for (int i = 0; i < 5; i++)
        put_image(tree, set, "t", i);
    free(name);
}

static void put_dtd(const char *tree)
{
    put_dataset(tree, "dtd", "split_zhou_DescribableTextures.json");
}

/* A plan without any run yet. */
static void open_plan(struct plan *p, char *tree, const char *table, const char *methods,
                      const char *datasets)
{
    *p = (struct plan){.tree = tree, .x = open_experiment(table, methods)};
    p->out_dir = path_join(tree, "runs");
    char *data = str_format("data.root=%s/data", tree);
    must(str_list_add(&p->sets, data));
    must(str_list_split(&p->datasets, datasets));
    free(data);
    memset(p->model.sha256, 'a', DIGEST_HEX_SIZE - 1);
    must(pipeline_read(&p->model.pipeline, NULL, NULL, 0));
    p->options = (struct grid_options){
        .datasets = &p->datasets, .seeds = seeds, .n_seeds = 2, .sets = &p->sets, .out_dir = p->out_dir};
}

static void make(struct plan *p)
{
    grid_close(&p->grid);
    must(grid_open(&p->grid, p->x, &p->options, &p->model));
}

static void close_plan(struct plan *p)
{
    grid_close(&p->grid);
    pipeline_free(&p->model.pipeline);
    str_list_free(&p->datasets);
    str_list_free(&p->sets);
    experiment_free(p->x);
    free(p->out_dir);
}

/* The only job. */
static const struct grid_job *job_of(struct plan *p)
{
    make(p);
    assert_int_equal(p->grid.n_jobs, 1);
    return &p->grid.jobs[0];
}

static void expect_job(const struct grid_job *job, const struct plan *p, const char *folder,
                       enum grid_state state, bool must_train, double work)
{
    char *want = path_join(p->out_dir, folder);
    assert_string_equal(job->folder, want);
    assert_int_equal(job->state, state);
    assert_int_equal(job->must_train, must_train);
    if (job->work != work)
        fail_msg("%s: work is %g, expected %g", folder, job->work, work);
    free(want);
}

/* ---------------------------------------------------------------- what runs leave */

/* What a record or a training differs in from the job's. */
struct left {
    const char *dataset, *set; /* KEY=VALUE, or NULL */
    const char *weights, *decoder, *class_digest, *image_digest;
    int64_t seed, step, n_steps, limit;
    bool untrained;
};

static const struct left RUN = {.dataset = "dtd", .seed = 1, .step = 10, .n_steps = 10};

static struct config config_of(const struct plan *p, const struct left *left)
{
    struct config c;
    must(experiment_config(&c, p->x, &p->x->rows[0], left->dataset, &p->sets));
    if (left->set)
        must(config_set(&c, left->set));
    c.seed = left->seed;
    return c;
}

/* One record of base or new classes. */
static void append_record(struct str *out, const struct plan *p, const struct left *left,
                          enum class_subset subset)
{
    struct config c = config_of(p, left);
    struct str config = {0};
    const int new_ = subset == CLASS_SUBSET_NEW;
    must(config_write(&config, &c));
    str_appendf(
        out,
        "%s{\"dataset\": \"%s\", \"classes\": \"%s\", \"seed\": %" PRId64 ", \"finished\": true, "
        "\"untrained\": %s, \"limit\": %" PRId64 ", \"steps\": %" PRId64 ", \"n_steps\": %" PRId64
        ", \"skipped_images\": 0, \"accuracy_per_iteration\": [0.5], \"time\": \"2026\", \"digests\": "
        "{\"weights_sha256\": \"%s\", \"class_names\": \"%s\", \"images\": \"%s\"}, \"inputs\": "
        "{\"image_decoder\": \"%s\"}, \"config\": %s}",
        out->len > 1 ? ", " : "", left->dataset, class_subset_names[subset], left->seed,
        left->untrained ? "true" : "false", left->limit, left->step, left->n_steps,
        left->weights ? left->weights : p->model.sha256,
        left->class_digest ? left->class_digest : class_digests[new_],
        left->image_digest ? left->image_digest : image_digests[new_],
        left->decoder ? left->decoder : "stb_image 2.27", str_text(&config));
    str_free(&config);
    config_free(&c);
}

static void put_records(const struct plan *p, const char *folder, const struct left *base,
                        const struct left *new_)
{
    char *name = str_format("runs/%s/results.json", folder);
    struct str out = {0};
    str_append(&out, "[");
    if (base)
        append_record(&out, p, base, CLASS_SUBSET_BASE);
    if (new_)
        append_record(&out, p, new_, CLASS_SUBSET_NEW);
    str_append(&out, "]");
    put_text(p->tree, name, str_text(&out));
    str_free(&out);
    free(name);
}

/* config.json of a training, and its checkpoint without tensors if it has made a step. */
static void put_training(const struct plan *p, const char *folder, const struct left *left)
{
    struct config c = config_of(p, left);
    struct str whole = {0}, experiment = {0}, header = {0};
    struct metadata metadata = {0};
    char *config_name = str_format("runs/%s/" RUN_CONFIG_FILE, folder);
    char *checkpoint_name = str_format("runs/%s/" RUN_CHECKPOINT_FILE, folder);
    must(config_write(&whole, &c));
    must(config_write_experiment(&experiment, &c));
    put_text(p->tree, config_name, str_text(&whole));
    struct provenance from = {.config = experiment.data,
                              .config_hash = str_dup("h"),
                              .weights_sha256 = str_dup(left->weights ? left->weights : p->model.sha256),
                              .sample_digest = str_dup("s"),
                              .class_digest = str_dup("c"),
                              .class_names = str_dup("[]"),
                              .n_classes = 2};
    const struct progress at = {.epoch = 1, .step = left->step, .n_steps = left->n_steps};
    must(pipeline_read(&from.pipeline, NULL, left->decoder, 0));
    must(provenance_write(&metadata, "coop", &at, &from));
    must(safetensors_header_write(&header, NULL, 0, &metadata));
    if (left->step > 0)
        put_bytes(p->tree, checkpoint_name, header.data, header.len);
    provenance_free(&from);
    metadata_free(&metadata);
    str_free(&header);
    str_free(&whole);
    free(checkpoint_name);
    free(config_name);
    config_free(&c);
}

/* ---------------------------------------------------------------- what is to run */

static const char FOLDER[] = "base2new/coop/dtd/seed1";

/* Evaluation: 3 * 2 + 2 * 2 = 10. Training of CoOp: base has 4 images of 2 classes, 200 epochs, each three times as
 * much work: 3 * 4 * 200 * 2 = 4800. */
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

/* ---------------------------------------------------------------- what is done */

static void test_grid__records_of_both_halves_make_it_done(void **state)
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

static void test_grid__a_record_of_anything_else_does_not_count(void **state)
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
static void test_grid__a_record_counts_where_a_short_run_ends(void **state)
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

static void test_grid__a_training_is_resumed(void **state)
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
static void test_grid__an_update_sees_what_was_done_meanwhile(void **state)
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

static void test_grid__another_training_is_left_alone(void **state)
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

static void test_grid__a_folder_aside_of_another_training_is_an_error(void **state)
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

static void test_grid__a_broken_checkpoint_is_an_error(void **state)
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

/* ---------------------------------------------------------------- the time that is left */

static void test_grid__the_pace_is_that_of_the_row_or_of_all(void **state)
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

static void test_grid__what_is_left_is_shared_by_the_slots(void **state)
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
#define TEST(name) cmocka_unit_test_setup_teardown(test_grid__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(without_runs_all_is_to_run),
        TEST(a_short_run_is_less_work),
        TEST(a_folder_is_named_by_what_a_row_changes),
        TEST(records_of_both_halves_make_it_done),
        TEST(a_record_of_anything_else_does_not_count),
        TEST(a_record_counts_where_a_short_run_ends),
        TEST(a_training_is_resumed),
        TEST(an_update_sees_what_was_done_meanwhile),
        TEST(another_training_is_left_alone),
        TEST(a_folder_aside_of_another_training_is_an_error),
        TEST(a_broken_checkpoint_is_an_error),
        TEST(a_data_set_that_is_not_there_is_reported_once),
        TEST(a_missing_training_image_stops_those_that_train),
        TEST(without_the_source_nothing_can_be_trained),
        TEST(a_source_is_needed_but_no_target),
        TEST(rows_of_one_run_have_one_job),
        TEST(the_pace_is_that_of_the_row_or_of_all),
        TEST(what_is_left_is_shared_by_the_slots),
    };
    return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
