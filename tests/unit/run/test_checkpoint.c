/* Checkpoints: what is written is read again to the bit, and what does not fit is named. */
#include "torch_test.h"

#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "prompt/base/file.h"
#include "prompt/run/checkpoint.h"
#include "temp_dir.h"

/* ---------------------------------------------------------------- shared by the tests */

struct shared {
    struct fixture fixture;
    struct temp_dir dir;
};

/* A method in training. */
struct training {
    scope *scope;
    struct method *method;
    struct optimizer optimizer;
};

static void open_with(struct training *t, struct fixture *w, const char *const *changes,
                      enum optimizer_kind kind)
{
    *t = (struct training){.scope = scope_open(NULL, SCOPE_GRAD_OFF)};
    const struct method_options options = fixture_options(fixture_defaults(w), changes);
    assert_ok(fixture_method(&t->method, w, t->scope, &options));
    const struct optimizer_options optimizer = {
        .kind = kind, .momentum = w->momentum, .weight_decay = w->weight_decay};
    assert_ok(optimizer_init(&t->optimizer, t->scope, &t->method->trained, &optimizer));
}

static void training_open(struct training *t, struct fixture *w, const char *const *changes)
{
    open_with(t, w, changes, OPTIMIZER_SGD);
}

static void training_close(struct training *t)
{
    optimizer_deinit(&t->optimizer);
    method_free(t->method);
    assert_ok(scope_close(t->scope));
}

static void step(struct training *t, const struct fixture *w, int64_t number)
{
    scope *s = scope_open(t->scope, SCOPE_GRAD_ON);
    struct method_output out;
    tensor *index = t_from_i64(s, (const int64_t[]){0, 1}, SHAPE(2), CPU);
    assert_ok(method_backward(&out, s, fixture_loss(s, &out, NULL, w, t->method, index, NULL)));
    method_output_free(&out);
    assert_ok(optimizer_step(&t->optimizer, w->lr, number));
    assert_ok(scope_close(s));
}

static const struct progress PROGRESS = {.epoch = 3, .step_in_epoch = 2, .step = 17, .n_steps = 25};

static struct provenance make_provenance(void)
{
    struct provenance p = {.config = str_dup("{\"name\": \"caf\xc3\xa9 \\\"1\\\"\"}\n"),
                           .config_hash = str_dup("c0"),
                           .weights_sha256 = str_dup("a1"),
                           .sample_digest = str_dup("b2"),
                           .class_digest = str_dup("d3"),
                           .class_names = str_dup("[\"one\", \"two\"]"),
                           .n_classes = 2};
    struct preprocess squash = preprocess_default(224);
    squash.resize_mode = RESIZE_SQUASH;
    assert_int_equal(pipeline_of(&p.pipeline, &squash), OK);
    return p;
}

static int save(const struct training *t, const char *path)
{
    struct provenance from = make_provenance();
    int status = checkpoint_write(path, t->method, &t->optimizer, &PROGRESS, &from);
    provenance_free(&from);
    return status;
}

static void expect_same_bits(const struct params *got, const struct params *want)
{
    assert_int_equal(got->n, want->n);
    for (size_t i = 0; i < want->n; i++) {
        const tensor *a = params_find(got, want->items[i].name), *b = want->items[i].value;
        assert_non_null(a);
        assert_int_equal(t_dtype(a), t_dtype(b));
        assert_int_equal(t_numel(a), t_numel(b));
        assert_memory_equal(t_data(a), t_data(b), (size_t)t_numel(b) * dtype_size(t_dtype(b)));
    }
}

static void expect_same_files(const char *a, const char *b)
{
    char *texts[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    assert_ok(file_read(&texts[0], &n[0], a));
    assert_ok(file_read(&texts[1], &n[1], b));
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(texts[0], texts[1], n[0]);
    free(texts[0]);
    free(texts[1]);
}

/* ---------------------------------------------------------------- what agrees */

/* The states of both, before and after two steps that follow a stored one. */
static void expect_to_go_on(struct shared *f, enum optimizer_kind kind)
{
    const char *path = temp_path(&f->dir, "a.safetensors");
    struct training straight, resumed;
    open_with(&straight, &f->fixture, NULL, kind);
    open_with(&resumed, &f->fixture, NULL, kind);
    step(&straight, &f->fixture, 1);
    assert_ok(save(&straight, path));
    assert_ok(checkpoint_read_tensors(resumed.method, &resumed.optimizer, path));
    for (int number = 2; number <= 3; number++) {
        struct params a = {0}, b = {0};
        expect_same_bits(&resumed.method->trained, &straight.method->trained);
        assert_ok(optimizer_collect(&a, &resumed.optimizer));
        assert_ok(optimizer_collect(&b, &straight.optimizer));
        assert_int_equal(b.n, (kind == OPTIMIZER_SGD ? 1 : 2) * straight.method->trained.n);
        expect_same_bits(&a, &b);
        params_free(&a);
        params_free(&b);
        step(&straight, &f->fixture, number);
        step(&resumed, &f->fixture, number);
    }
    expect_same_bits(&resumed.method->trained, &straight.method->trained);
    training_close(&straight);
    training_close(&resumed);
}

static void test_checkpoint__a_training_goes_on_with_the_same_bits(void **state)
{
    expect_to_go_on(*state, OPTIMIZER_SGD);
    expect_to_go_on(*state, OPTIMIZER_ADAMW);
}

static void test_checkpoint__the_bytes_depend_on_the_training_alone(void **state)
{
    struct shared *f = *state;
    const char *a = temp_path(&f->dir, "a.safetensors"), *b = temp_path(&f->dir, "b.safetensors");
    struct training t, resumed;
    training_open(&t, &f->fixture, NULL);
    training_open(&resumed, &f->fixture, NULL);
    step(&t, &f->fixture, 1);
    assert_ok(save(&t, a));
    assert_ok(save(&t, b));
    expect_same_files(a, b);
    assert_ok(checkpoint_read_tensors(resumed.method, &resumed.optimizer, a));
    assert_ok(save(&resumed, b));
    expect_same_files(a, b);
    training_close(&t);
    training_close(&resumed);
}

static void test_checkpoint__the_header_says_where_training_stands_and_from_what(void **state)
{
    struct shared *f = *state;
    const char *path = temp_path(&f->dir, "a.safetensors");
    struct training t;
    training_open(&t, &f->fixture, NULL);
    assert_ok(save(&t, path));
    struct provenance got, want = make_provenance();
    struct progress at;
    assert_ok(provenance_read(&got, &at, path));
    assert_memory_equal(&at, &PROGRESS, sizeof at);
    assert_string_equal(got.config, want.config);
    assert_string_equal(got.config_hash, want.config_hash);
    assert_string_equal(got.weights_sha256, want.weights_sha256);
    assert_string_equal(got.sample_digest, want.sample_digest);
    assert_string_equal(got.class_digest, want.class_digest);
    assert_string_equal(got.class_names, want.class_names);
    assert_int_equal(got.n_classes, want.n_classes);
    struct str difference = {0};
    pipeline_compare(&difference, &got.pipeline, &want.pipeline);
    assert_string_equal(str_text(&difference), "");
    assert_string_equal(got.pipeline.preprocess_digest, want.pipeline.preprocess_digest);
    provenance_free(&got);
    provenance_free(&want);
    training_close(&t);
}

static void test_checkpoint__before_the_first_step_there_is_no_momentum(void **state)
{
    struct shared *f = *state;
    const char *path = temp_path(&f->dir, "a.safetensors");
    struct training t, resumed;
    training_open(&t, &f->fixture, NULL);
    training_open(&resumed, &f->fixture, NULL);
    assert_ok(save(&t, path));
    assert_ok(checkpoint_read_tensors(resumed.method, &resumed.optimizer, path));
    assert_int_equal(resumed.optimizer.sgd.momentum.n, 0);
    training_close(&t);
    training_close(&resumed);
}

static void test_checkpoint__evaluation_needs_no_optimizer(void **state)
{
    struct shared *f = *state;
    const char *path = temp_path(&f->dir, "a.safetensors");
    struct training t, other;
    training_open(&t, &f->fixture, NULL);
    training_open(&other, &f->fixture, NULL);
    step(&t, &f->fixture, 1);
    assert_ok(save(&t, path));
    assert_ok(checkpoint_read_tensors(other.method, NULL, path));
    expect_same_bits(&other.method->trained, &t.method->trained);
    training_close(&t);
    training_close(&other);
}

/* ---------------------------------------------------------------- what does not */

/* Reading what a training with `written` settings saved into one with `read` settings. */
static void expect_refusal(struct shared *f, const char *written, const char *read, int status,
                           const char *says)
{
    const char *path = temp_path(&f->dir, "a.safetensors");
    struct training from, into;
    training_open(&from, &f->fixture, (const char *const[]){written, NULL});
    step(&from, &f->fixture, 1);
    assert_ok(save(&from, path));
    training_open(&into, &f->fixture, (const char *const[]){read, NULL});
    assert_int_equal(checkpoint_read_tensors(into.method, &into.optimizer, path), status);
    char want[256];
    snprintf(want, sizeof want, "'%s': %s", path, says);
    assert_string_equal(error_message(), want);
    training_close(&from);
    training_close(&into);
}

static void test_checkpoint__another_shape_is_named(void **state)
{
    expect_refusal(
        *state, "text_prompt.count=3", NULL, ERR_SHAPE,
        "tensor 'text_prompts': expected [5, 32] for this model and these settings, found [3, 32]");
}

static void test_checkpoint__a_missing_tensor_is_named(void **state)
{
    expect_refusal(*state, "text_prompt.generator=false", NULL, ERR_FORMAT,
                   "tensor 'text_generator.fc1.weight' is missing");
}

static void test_checkpoint__an_extra_tensor_is_named(void **state)
{
    expect_refusal(*state, NULL, "text_prompt.generator=false", ERR_FORMAT,
                   "tensor 'text_generator.fc1.weight' is not one that this method trains");
}

static void test_checkpoint__the_state_of_another_optimizer_is_named(void **state)
{
    struct shared *f = *state;
    const char *path = temp_path(&f->dir, "a.safetensors");
    struct training from, into;
    training_open(&from, &f->fixture, NULL);
    step(&from, &f->fixture, 1);
    assert_ok(save(&from, path));
    open_with(&into, &f->fixture, NULL, OPTIMIZER_ADAMW);
    assert_int_equal(checkpoint_read_tensors(into.method, &into.optimizer, path), ERR_FORMAT);
    assert_non_null(
        strstr(error_message(), "tensor 'optimizer.momentum.vision_prompts' does not belong to a"));
    training_close(&from);
    training_close(&into);
}

/* A checkpoint with its metadata changed by `key`, or its tensor `without` left out. */
static void rewrite(struct shared *f, const char *key, const char *value, const char *without)
{
    struct training t;
    training_open(&t, &f->fixture, NULL);
    step(&t, &f->fixture, 1);
    assert_ok(save(&t, temp_path(&f->dir, "a.safetensors")));
    training_close(&t);
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    struct params kept = {0};
    struct metadata meta = {0};
    assert_ok(safetensors_open(&file, s, temp_path(&f->dir, "a.safetensors")));
    for (size_t i = 0; i < file->tensors.n; i++)
        if (!without || strcmp(file->tensors.items[i].name, without) != 0)
            assert_ok(params_add(&kept, file->tensors.items[i].name, file->tensors.items[i].value));
    for (size_t i = 0; i < file->metadata.n; i++)
        if (!key || strcmp(file->metadata.items[i].key, key) != 0)
            assert_ok(metadata_set(&meta, file->metadata.items[i].key, file->metadata.items[i].value));
    if (value)
        assert_ok(metadata_set(&meta, key, value));
    assert_ok(safetensors_write(temp_path(&f->dir, "b.safetensors"), &kept, &meta));
    params_free(&kept);
    metadata_free(&meta);
    assert_ok(scope_close(s));
    safetensors_close(file);
}

static void expect_header_error(struct shared *f, const char *says)
{
    struct provenance from;
    struct progress at;
    char want[256];
    snprintf(want, sizeof want, "'%s': %s", temp_path(&f->dir, "b.safetensors"), says);
    assert_int_equal(provenance_read(&from, &at, temp_path(&f->dir, "b.safetensors")), ERR_FORMAT);
    assert_string_equal(error_message(), want);
}

static void expect_missing(struct shared *f, const char *name)
{
    struct training t;
    rewrite(f, NULL, NULL, name);
    training_open(&t, &f->fixture, NULL);
    char want[256];
    snprintf(want, sizeof want, "'%s': tensor '%s' is missing", temp_path(&f->dir, "b.safetensors"), name);
    assert_int_equal(checkpoint_read_tensors(t.method, &t.optimizer, temp_path(&f->dir, "b.safetensors")),
                     ERR_FORMAT);
    assert_string_equal(error_message(), want);
    training_close(&t);
}

static void test_checkpoint__a_missing_momentum_is_named(void **state)
{
    expect_missing(*state, "optimizer.momentum.text_prompts");
    expect_missing(*state, "optimizer.momentum.text_generator.fc2.bias"); /* of the last trained tensor */
}

static void test_checkpoint__another_format_is_named(void **state)
{
    struct shared *f = *state;
    rewrite(f, "format", "prompt checkpoint 2", NULL);
    expect_header_error(f, "expected a checkpoint of prompt (metadata format 'prompt checkpoint 1'), "
                           "found 'prompt checkpoint 2'");
    rewrite(f, "format", NULL, NULL);
    expect_header_error(f, "expected a checkpoint of prompt (metadata format 'prompt checkpoint 1'), "
                           "found 'none'");
}

static void test_checkpoint__wrong_metadata_is_named(void **state)
{
    struct shared *f = *state;
    rewrite(f, "config_hash", NULL, NULL);
    expect_header_error(f, "metadata 'config_hash' is missing");
    rewrite(f, "step", "seven", NULL);
    expect_header_error(f, "metadata 'step': expected a number, found 'seven'");
    rewrite(f, "epoch", "-1", NULL);
    expect_header_error(f, "metadata 'epoch': expected a number, found '-1'");
}

static void test_checkpoint__a_missing_file_is_named_in_full(void **state)
{
    struct shared *f = *state;
    struct provenance from;
    struct progress at;
    char want[256];
    const char *path = temp_path(&f->dir, "none.safetensors");
    snprintf(want, sizeof want, "no checkpoint: '%s' does not exist", path);
    assert_int_equal(provenance_read(&from, &at, path), ERR_IO);
    assert_string_equal(error_message(), want);
}

/* ---------------------------------------------------------------- main */

static int open_group(void **state)
{
    static struct shared f;
    if (torch_init(1) != OK || temp_dir_open(&f.dir) != 0)
        return -1;
    fixture_open(&f.fixture, FIXTURE_DIR, (struct clip_dtypes){.compute = DTYPE_F32, .accum = DTYPE_F32},
                 ENCODER_FAST);
    *state = &f;
    return 0;
}

static int close_group(void **state)
{
    struct shared *f = *state;
    temp_remove(&f->dir, "a.safetensors");
    temp_remove(&f->dir, "b.safetensors");
    fixture_close(&f->fixture);
    return temp_dir_close(&f->dir) == 0 && scope_live_tensors() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        torch_unit_test(test_checkpoint__a_training_goes_on_with_the_same_bits),
        torch_unit_test(test_checkpoint__the_bytes_depend_on_the_training_alone),
        torch_unit_test(test_checkpoint__the_header_says_where_training_stands_and_from_what),
        torch_unit_test(test_checkpoint__before_the_first_step_there_is_no_momentum),
        torch_unit_test(test_checkpoint__evaluation_needs_no_optimizer),
        torch_unit_test(test_checkpoint__another_shape_is_named),
        torch_unit_test(test_checkpoint__a_missing_tensor_is_named),
        torch_unit_test(test_checkpoint__the_state_of_another_optimizer_is_named),
        torch_unit_test(test_checkpoint__an_extra_tensor_is_named),
        torch_unit_test(test_checkpoint__a_missing_momentum_is_named),
        torch_unit_test(test_checkpoint__another_format_is_named),
        torch_unit_test(test_checkpoint__wrong_metadata_is_named),
        torch_unit_test(test_checkpoint__a_missing_file_is_named_in_full),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, open_group, close_group);
}
