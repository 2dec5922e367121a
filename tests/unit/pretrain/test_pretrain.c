/* Pre-training of a tiny model: the loss, the patches, the retrieval, the held-out pairs and the checkpoint. */
#include "torch_test.h"

#include <math.h>

#include "checkpoint.h"
#include "image_files.h"
#include "model.h"
#include "prompt/data/input.h"
#include "source.h"
#include "step.h"

enum { B = 4, PX = 16, FLOATS = 3 * PX * PX, N_ROWS = 20 };

/* A session with its model, and a batch of four pictures of noise; the optimizer changes nothing. */
struct job {
    struct config config;
    struct log log;
    struct session *session;
    struct adamw optimizer;
    struct pair_batch batch;
};

static void set(struct config *c, const char *assignment)
{
    assert_ok(config_set(c, assignment));
}

static void job_open(struct job *job)
{
    static const char *const settings[] = {"pretrain.image_px=16",
                                           "pretrain.patch_px=4",
                                           "pretrain.embed_dim=16",
                                           "pretrain.vision_width=16",
                                           "pretrain.text_width=16",
                                           "pretrain.vision_layers=1",
                                           "pretrain.text_layers=1",
                                           "pretrain.batch_size=4",
                                           "pretrain.steps=10",
                                           "pretrain.full_steps=4",
                                           "pretrain.lr=0",
                                           "device=cpu",
                                           "threads=1"};
    *job = (struct job){0};
    assert_ok(config_init(&job->config));
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        set(&job->config, settings[i]);
    log_init(&job->log, true);
    assert_ok(session_open(&job->session, &job->config, &job->log));
    assert_ok(pretrain_make_model(job->session));
    assert_ok(adamw_init(&job->optimizer, job->session->scope, &job->session->weights->tensors,
                         &(struct adamw_options){.beta1 = 0.9, .beta2 = 0.98, .eps = 1e-6}));
    assert_ok(pair_batch_create(&job->batch, &job->config, B));
    for (int64_t i = 0; i < B * FLOATS; i++)
        job->batch.pixels[i] = (float)sin((double)(i * i));
}

static void job_close(struct job *job)
{
    pair_batch_free(&job->batch);
    adamw_deinit(&job->optimizer);
    session_close(job->session);
    config_free(&job->config);
}

/* Picture i gets the caption texts[i]. */
static void give_captions(struct job *job, const char *const *texts)
{
    const struct tokenizer *t = job->session->tokenizer;
    const int64_t context = job->config.pretrain_context;
    memset(job->batch.ids, 0, (size_t)(B * context) * sizeof *job->batch.ids);
    for (int64_t i = 0; i < B; i++) {
        struct tokens words = {0};
        int64_t *ids = job->batch.ids + i * context;
        assert_ok(tokenizer_encode(&words, t, texts[i]));
        ids[0] = tokenizer_start(t);
        memcpy(ids + 1, words.ids, words.n * sizeof *ids);
        job->batch.ends[i] = (int64_t)words.n + 1;
        ids[words.n + 1] = tokenizer_end(t);
        tokens_free(&words);
    }
}

static const char *const ALIKE[B] = {"red circle", "red circle", "red circle", "red circle"};
static const char *const OTHERS[B] = {"red circle", "photo", "large", "circle"};

static void make_pictures_alike(struct job *job)
{
    for (int64_t i = 1; i < B; i++)
        memcpy(job->batch.pixels + i * FLOATS, job->batch.pixels, FLOATS * sizeof(float));
}

static double loss_at(struct job *job, int64_t step)
{
    struct pretrain_numbers numbers;
    assert_ok(pretrain_step(&numbers, job->session, &job->optimizer, &job->batch, step));
    return numbers.loss;
}

/* Where all captions are alike, only the half over pictures is more than ln B; and the other way round. */
static void test_pretrain__the_loss_is_over_captions_and_over_pictures(void **state)
{
    (void)state;
    struct job job;
    job_open(&job);
    give_captions(&job, ALIKE);
    assert_true(loss_at(&job, 0) > log(B) + 1e-4);
    give_captions(&job, OTHERS);
    make_pictures_alike(&job);
    assert_true(loss_at(&job, 0) > log(B) + 1e-4);
    give_captions(&job, ALIKE);
    assert_true(fabs(loss_at(&job, 0) - log(B)) < 1e-5);
    job_close(&job);
}

static void test_pretrain__the_last_steps_keep_all_patches(void **state)
{
    (void)state;
    struct job job;
    double losses[2][2]; /* [half of the patches, all] [step 5, step 6] */
    job_open(&job);
    give_captions(&job, OTHERS);
    for (int all = 0; all < 2; all++) {
        set(&job.config, all ? "pretrain.patch_keep=1" : "pretrain.patch_keep=0.5");
        for (int i = 0; i < 2; i++)
            losses[all][i] = loss_at(&job, 5 + i);
    }
    assert_true(losses[0][0] != losses[1][0]);
    assert_true(losses[0][1] == losses[1][1]);
    job_close(&job);
}

/* Of equal pictures the first one is the nearest to every caption, and all have the same nearest caption:
 * that of three of them, or that of the fourth. */
static void test_pretrain__recall_is_measured_in_both_directions(void **state)
{
    (void)state;
    static const char *const captions[2][B] = {{"red circle", "red circle", "red circle", "photo"},
                                               {"photo", "photo", "photo", "red circle"}};
    struct job job;
    struct retrieval found[2];
    job_open(&job);
    make_pictures_alike(&job);
    for (int i = 0; i < 2; i++) {
        give_captions(&job, captions[i]);
        assert_ok(pretrain_retrieval(&found[i], job.session, &job.batch));
        assert_true(found[i].text_to_image == 0.75);
    }
    assert_true(found[0].image_to_text + found[1].image_to_text == 1.0);
    job_close(&job);
}

/* A table of 20 pictures, of which two are held out; returns its path, owned. */
static char *write_table(const char *folder)
{
    struct str text = {0};
    str_append(&text, "image,caption\n");
    for (int i = 0; i < N_ROWS; i++) {
        struct image image = noise_image(20 + i, 30, (uint32_t)i + 1);
        char *name = str_format("%d.bmp", i);
        free(write_bmp(folder, name, &image));
        str_appendf(&text, "%s,red circle\n", name);
        free(name);
        image_free(&image);
    }
    char *path = write_file(folder, "pairs.csv", text.data, text.len);
    str_free(&text);
    return path;
}

static void test_pretrain__held_out_pictures_are_not_augmented(void **state)
{
    struct job job;
    struct pair_source source;
    float want[FLOATS];
    char *path = write_table(*state);
    job_open(&job);
    assert_ok(config_set_key(&job.config, "pretrain.captions", path));
    assert_ok(pair_source_open(&source, &job.config));
    assert_ok(pair_source_set_tokenizer(&source, job.session->tokenizer));
    job.batch.n = pair_source_n_validation(&source);
    assert_int_equal(job.batch.n, 2);
    assert_ok(pair_source_start(&source, &job.batch, -1));
    assert_ok(pair_source_wait(&source));
    for (int64_t i = 0; i < 2; i++) {
        const struct input_options plain = {.preprocess = preprocess_default(PX)};
        struct image picture = {0};
        assert_ok(input_read(want, &picture, source.table.items[job.batch.indices[i]].path, &plain, 0, 0));
        assert_memory_equal(job.batch.pixels + i * FLOATS, want, sizeof want);
        image_free(&picture);
    }
    pair_source_close(&source);
    job_close(&job);
    free(path);
}

static void test_pretrain__a_checkpoint_belongs_to_its_table(void **state)
{
    struct job job;
    char recipe[] = "{}";
    struct pretrain_state saved = {.step = 3, .recipe = recipe, .table_digest = "aa"}, other = saved,
                          same = saved;
    char *checkpoint = path_join(*state, "checkpoint"), *model = path_join(*state, "model");
    job_open(&job);
    assert_ok(pretrain_save(checkpoint, model, job.session->weights, &job.optimizer, &saved));
    other.table_digest[1] = 'b';
    assert_int_equal(pretrain_load(&other, checkpoint, job.session->weights, &job.optimizer), ERR_USAGE);
    assert_non_null(strstr(error_message(), "the table of captions has changed since it was written"));
    same.step = 0;
    assert_ok(pretrain_load(&same, checkpoint, job.session->weights, &job.optimizer));
    assert_int_equal(same.step, 3);
    job_close(&job);
    free(checkpoint);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_pretrain__the_loss_is_over_captions_and_over_pictures),
        torch_unit_test(test_pretrain__the_last_steps_keep_all_patches),
        torch_unit_test(test_pretrain__recall_is_measured_in_both_directions),
        torch_unit_test(test_pretrain__held_out_pictures_are_not_augmented),
        torch_unit_test(test_pretrain__a_checkpoint_belongs_to_its_table),
    };
    return cmocka_run_group_tests_name("pretrain", tests, make_folder, remove_folder);
}
