/* A grid's plan on a small DTD that is made here, and the files that its runs leave. */
#ifndef TESTS_UNIT_GRID_PLAN_H
#define TESTS_UNIT_GRID_PLAN_H

#include "report_files.h"

#include <inttypes.h>

#include "prompt/grid/grid.h"
#include "prompt/report/folder.h"
#include "prompt/report/provenance.h"
#include "prompt/safetensors/header.h"

/* ---------------------------------------------------------------- data, model, plan */

/*
 * Four classes, two training images of each. Test: two images of the first class, one of each
 * other, so that base has 3 images of 2 classes and new 2 of 2. The digests are Python's:
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

static inline void put_image(const char *tree, const char *set, const char *kind, int i)
{
    char *name = str_format("data/%s/images/%s%d.jpg", set, kind, i);
    put_text(tree, name, "x");
    free(name);
}

/* The data set of that name, with the same list. */
static inline void put_dataset(const char *tree, const char *set, const char *split_file)
{
    char *name = str_format("data/%s/%s", set, split_file);
    put_text(tree, name, SPLIT);
    for (int i = 0; i < 8; i++)
        put_image(tree, set, "r", i);
    for (int i = 0; i < 5; i++)
        put_image(tree, set, "t", i);
    free(name);
}

static inline void put_dtd(const char *tree)
{
    put_dataset(tree, "dtd", "split_zhou_DescribableTextures.json");
}

/* A plan without any run yet. */
static inline void open_plan(struct plan *p, char *tree, const char *table, const char *methods,
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

static inline void make(struct plan *p)
{
    grid_close(&p->grid);
    must(grid_open(&p->grid, p->x, &p->options, &p->model));
}

static inline void close_plan(struct plan *p)
{
    grid_close(&p->grid);
    pipeline_free(&p->model.pipeline);
    str_list_free(&p->datasets);
    str_list_free(&p->sets);
    experiment_free(p->x);
    free(p->out_dir);
}

/* The only job. */
static inline const struct grid_job *job_of(struct plan *p)
{
    make(p);
    assert_int_equal(p->grid.n_jobs, 1);
    return &p->grid.jobs[0];
}

static inline void expect_job(const struct grid_job *job, const struct plan *p, const char *folder,
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

static inline struct config config_of(const struct plan *p, const struct left *left)
{
    struct config c;
    must(experiment_config(&c, p->x, &p->x->rows[0], left->dataset, &p->sets));
    if (left->set)
        must(config_set(&c, left->set));
    c.seed = left->seed;
    return c;
}

/* One record of base or new classes. */
static inline void append_record(struct str *out, const struct plan *p, const struct left *left,
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

static inline void put_records(const struct plan *p, const char *folder, const struct left *base,
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
static inline void put_training(const struct plan *p, const char *folder, const struct left *left)
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

/* The folder of CoOp's run in Table 1. */
static const char FOLDER[] = "base2new/coop/dtd/seed1";

#endif
