/* A checkpoint's metadata without its tensors: what is written
 * is read again, and what is not a checkpoint is named. */
#include "report_files.h"

#include "prompt/report/provenance.h"
#include "prompt/safetensors/header.h"

static const struct progress PROGRESS = {.epoch = 3, .step_in_epoch = 2, .step = 17, .n_steps = 25};

static void make_metadata(struct metadata *out)
{
    const struct preprocess openai = preprocess_default(224);
    struct provenance from = {.config = str_dup("{}"),
                              .config_hash = str_dup("h"),
                              .weights_sha256 = str_dup("w"),
                              .sample_digest = str_dup("s"),
                              .class_digest = str_dup("d"),
                              .class_names = str_dup("[\"caf\xc3\xa9\"]"),
                              .n_classes = 1};
    must(pipeline_of(&from.pipeline, &openai));
    from.pipeline.tokenizer_revision = 5;
    must(provenance_write(out, "coop", &PROGRESS, &from));
    provenance_free(&from);
}

/* A safetensors file with a tensor of two numbers; its path is to be freed. */
static char *put_checkpoint(const char *tree, const struct metadata *m)
{
    const struct safetensors_entry entry = {.name = "context", .dtype = DTYPE_F32, .dims = {2}, .n_dims = 1};
    struct str file = {0};
    must(safetensors_header_write(&file, &entry, 1, m));
    assert_int_equal(file.len % 8, 0);
    str_append_n(&file, "12345678", 8);
    put_bytes(tree, "a.safetensors", file.data, file.len);
    str_free(&file);
    return path_join(tree, "a.safetensors");
}

static void test_provenance__what_is_written_is_read(void **state)
{
    struct metadata m = {0};
    struct provenance from;
    struct progress at;
    make_metadata(&m);
    char *path = put_checkpoint(*state, &m);
    must(provenance_read(&from, &at, path));
    assert_memory_equal(&at, &PROGRESS, sizeof at);
    assert_string_equal(from.config, "{}");
    assert_string_equal(from.class_names, "[\"caf\xc3\xa9\"]");
    assert_string_equal(from.weights_sha256, "w");
    assert_int_equal(from.n_classes, 1);
    assert_int_equal(from.pipeline.tokenizer_revision, 5);
    assert_string_equal(metadata_get(&m, "method"), "coop");
    provenance_free(&from);
    metadata_free(&m);
    free(path);
}

/* The metadata without the keys that start so. */
static struct metadata without(const struct metadata *m, const char *const *starts)
{
    struct metadata out = {0};
    for (size_t i = 0; i < m->n; i++) {
        bool is_out = false;
        for (const char *const *start = starts; *start; start++)
            is_out = is_out || str_starts_with(m->items[i].key, *start);
        if (!is_out)
            must(metadata_set(&out, m->items[i].key, m->items[i].value));
    }
    return out;
}

/* The first programs did not write what pixels and tokens depend on. */
static void test_provenance__an_older_checkpoint_was_made_as_the_first_program_did(void **state)
{
    static const char *const later[] = {"preprocessing", "image_decoder", "tokenizer_revision", NULL};
    struct metadata m = {0};
    struct provenance from;
    struct progress at;
    make_metadata(&m);
    struct metadata older = without(&m, later);
    assert_int_equal(older.n, m.n - 4);
    char *path = put_checkpoint(*state, &older);
    must(provenance_read(&from, &at, path));
    assert_string_equal(from.pipeline.image_decoder, "stb_image 2.27");
    assert_int_equal(from.pipeline.tokenizer_revision, 1);
    provenance_free(&from);
    metadata_free(&older);
    metadata_free(&m);
    free(path);
}

static void expect_refused(const char *tree, const struct metadata *m, const char *message)
{
    struct provenance from;
    struct progress at;
    char *path = put_checkpoint(tree, m);
    char *want = str_format("'%s': %s", path, message);
    assert_int_equal(provenance_read(&from, &at, path), ERR_FORMAT);
    assert_string_equal(error_message(), want);
    assert_null(from.config); /* zeroed */
    free(want);
    free(path);
}

static void test_provenance__wrong_metadata_are_named(void **state)
{
    struct metadata m = {0};
    make_metadata(&m);
    must(metadata_set(&m, "tokenizer_revision", "x"));
    expect_refused(*state, &m, "metadata 'tokenizer_revision': expected a number, found 'x'");
    must(metadata_set(&m, "step", "-1"));
    expect_refused(*state, &m, "metadata 'step': expected a number, found '-1'");
    struct metadata none = without(&m, (const char *const[]){"class_names", NULL});
    expect_refused(*state, &none, "metadata 'class_names' is missing");
    must(metadata_set(&m, "format", "prompt checkpoint 2"));
    expect_refused(*state, &m,
                   "expected a checkpoint of prompt (metadata format 'prompt checkpoint 1'), found "
                   "'prompt checkpoint 2'");
    metadata_free(&none);
    metadata_free(&m);
}

/* The data of the tensors are not read, but a file without them is not taken for a whole one. */
static void test_provenance__a_truncated_file_is_refused(void **state)
{
    struct metadata m = {0};
    struct provenance from;
    struct progress at;
    make_metadata(&m);
    char *path = put_checkpoint(*state, &m), *text = NULL;
    size_t n = 0;
    must(file_read(&text, &n, path));
    put_bytes(*state, "a.safetensors", text, n - 1);
    assert_int_equal(provenance_read(&from, &at, path), ERR_FORMAT);
    assert_non_null(
        strstr(error_message(), "tensor 'context': its data end at byte 8, but the file has 7 bytes"));
    put_bytes(*state, "a.safetensors", text, 100);
    assert_int_equal(provenance_read(&from, &at, path), ERR_FORMAT);
    assert_non_null(strstr(error_message(), "is it truncated?"));
    metadata_free(&m);
    free(text);
    free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_provenance__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(an_older_checkpoint_was_made_as_the_first_program_did),
        TEST(wrong_metadata_are_named),
        TEST(a_truncated_file_is_refused),
    };
    return cmocka_run_group_tests_name("provenance", tests, NULL, NULL);
}
