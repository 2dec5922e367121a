/* The file that a folder means, and weights in shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "prompt/base/digest.h"
#include "prompt/base/path.h"
#include "weights_files.h"

static const char *const shard_names[2] = {"model-00001-of-00002.safetensors",
                                           "model-00002-of-00002.safetensors"};
static const char index_name[] = "model.safetensors.index.json";

static size_t shard_of(size_t idx)
{
    return idx % 2;
}

static void write_as(const struct fixture *f, const char *name, const struct params *p)
{
    char *path = path_join(f->dir, name);
    assert_int_equal(safetensors_write(path, p, NULL), OK);
    free(path);
}

/* Every second tensor is in the second shard; the index names `other` for tensor `moved`. */
static void write_shards(const struct fixture *f, size_t moved, const char *other)
{
    struct params parts[2] = {{0}, {0}};
    struct str index = {0};
    str_append(&index, "{\"metadata\": {\"total_size\": 1},\n\"weight_map\": {");
    for (size_t i = 0; i < f->made->tensors.n; i++) {
        const struct param *item = &f->made->tensors.items[i];
        assert_int_equal(params_add(&parts[shard_of(i)], item->name, item->value), OK);
        str_appendf(&index, "%s\n\"%s\": \"%s\"", i ? "," : "", item->name,
                    i == moved ? other : shard_names[shard_of(i)]);
    }
    str_append(&index, "}}");
    for (size_t i = 0; i < 2; i++) {
        write_as(f, shard_names[i], &parts[i]);
        params_free(&parts[i]);
    }
    write_beside(f, index_name, str_text(&index));
    str_free(&index);
    (void)unlink(f->path);
}

static void expect_refusal(const struct fixture *f, int status, const char *end)
{
    struct weights *w = NULL;
    assert_int_equal(weights_open(&w, f->scope, f->dir, &all_options), status);
    assert_null(w);
    if (!str_ends_with(error_message(), end))
        fail_msg("expected '... %s', found '%s'", end, error_message());
}

static void remove_in(const struct fixture *f, const char *name)
{
    char *path = path_join(f->dir, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void test_shards__are_one_model(void **state)
{
    const struct fixture *f = *state;
    write_shards(f, SIZE_MAX, "");
    struct weights *w = NULL;
    assert_int_equal(weights_open(&w, f->scope, f->dir, &all_options), OK);
    assert_true(str_ends_with(w->path, index_name));
    assert_int_equal(w->shards.n, 2);
    for (size_t i = 0; i < f->made->tensors.n; i++) {
        const struct param *item = &f->made->tensors.items[i];
        const tensor *t = params_find(&w->tensors, item->name);
        assert_memory_equal(t_data(t), t_data(item->value), (size_t)t_numel(t) * sizeof(float));
    }
    struct str digests = {0}; /* as from sha256sum and cut */
    for (size_t i = 0; i < 2; i++) {
        char one[DIGEST_HEX_SIZE];
        assert_int_equal(digest_file(one, w->shards.items[i]), OK);
        str_appendf(&digests, "%s\n", one);
    }
    char all[DIGEST_HEX_SIZE];
    assert_int_equal(digest_memory(all, digests.data, digests.len), OK);
    str_free(&digests);
    assert_int_equal(weights_hash(w), OK);
    assert_string_equal(w->sha256, all);
    weights_close(w);
}

static void test_shards__must_be_what_the_index_says(void **state)
{
    const struct fixture *f = *state;
    write_shards(f, 3, shard_names[0]);
    expect_refusal(f, ERR_FORMAT,
                   "is not in 'model-00001-of-00002.safetensors', but in 'model-00002-of-00002.safetensors'");
    write_shards(f, 3, "../../etc/passwd");
    expect_refusal(f, ERR_FORMAT, "expected the name of a file beside the index, found '../../etc/passwd'");
    write_shards(f, 3, "sub/model.safetensors");
    expect_refusal(f, ERR_FORMAT,
                   "expected the name of a file beside the index, found 'sub/model.safetensors'");
    write_shards(f, SIZE_MAX, "");
    struct params all = copy_params(f, "");
    write_as(f, shard_names[1], &all);
    params_free(&all);
    expect_refusal(
        f, ERR_FORMAT,
        "is in two shards, 'model-00001-of-00002.safetensors' and 'model-00002-of-00002.safetensors'");
    remove_in(f, shard_names[1]);
    expect_refusal(f, ERR_IO,
                   "holds model.safetensors.index.json, but of its 2 shards 1 is missing: "
                   "'model-00002-of-00002.safetensors'");
    remove_in(f, shard_names[0]);
    expect_refusal(f, ERR_IO,
                   "holds model.safetensors.index.json, but not its shards: "
                   "'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'");
    write_beside(f, index_name, "{\"weight_map\": {}}");
    expect_refusal(f, ERR_FORMAT, "expected 'weight_map' with a file for each tensor");
    remove_in(f, index_name);
    write_beside(f, shard_names[0], "x");
    expect_refusal(f, ERR_IO, "shards without their index, model.safetensors.index.json");
}

/* The file of the configuration; without one, or with both, the usual order. */
static void test_folder__gives_the_file_of_its_configuration(void **state)
{
    const struct fixture *f = *state;
    struct params p = copy_params(f, "");
    write_as(f, "open_clip_model.safetensors", &p);
    params_free(&p);
    static const struct {
        const char *config;
        const char *file;
    } steps[] = {{NULL, "/model.safetensors"},
                 {"open_clip_config.json", "/open_clip_model.safetensors"},
                 {"config.json", "/model.safetensors"}}; /* then both exist */
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct weights *w = NULL;
        if (steps[i].config)
            write_beside(f, steps[i].config,
                         "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 16}, \"text_cfg\": {}}}");
        assert_int_equal(weights_open(&w, f->scope, f->dir, &all_options), OK);
        assert_true(str_ends_with(w->path, steps[i].file));
        weights_close(w);
    }
    remove_in(f, "open_clip_config.json");
    (void)unlink(f->path);
    assert_int_equal(symlink("/nonexistent/file", f->path), 0);
    expect_refusal(f, ERR_IO,
                   "is a link whose file is missing: the download did not finish, or its cache was emptied");
}

static char *make_dir(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    assert_int_equal(file_make_dirs(path), OK);
    return path;
}

static void test_folder__of_a_hubs_cache_gives_its_snapshot(void **state)
{
    const struct fixture *f = *state;
    char *cache = make_dir(f->dir, "models--org--clip");
    char *refs = make_dir(cache, "refs");
    char *empty = make_dir(cache, "snapshots");
    struct weights *w = NULL;
    assert_int_equal(weights_open(&w, f->scope, cache, NULL), ERR_IO);
    assert_true(str_ends_with(error_message(), "without snapshots: the download did not finish"));
    char *first = make_dir(cache, "snapshots/abc");
    char *second = make_dir(cache, "snapshots/def");
    char *link = path_join(second, "model.safetensors");
    assert_int_equal(symlink(f->path, link), 0);
    assert_int_equal(weights_open(&w, f->scope, cache, NULL), ERR_IO);
    assert_non_null(strstr(error_message(), "holds 2 snapshots and no refs/main"));
    char *main = path_join(refs, "main");
    assert_int_equal(file_write(main, "def\n", 4), OK);
    assert_int_equal(weights_open(&w, f->scope, cache, NULL), OK);
    assert_string_equal(w->path, link);
    weights_close(w);
    assert_int_equal(file_write(main, "fed", 3), OK);
    assert_int_equal(weights_open(&w, f->scope, cache, NULL), ERR_IO);
    assert_true(str_ends_with(error_message(), "/refs/main' names the snapshot 'fed', which does not exist"));
    assert_int_equal(file_remove_tree(cache), OK);
    char *const paths[] = {cache, refs, empty, first, second, link, main};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        free(paths[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shards__are_one_model),
        TEST(test_shards__must_be_what_the_index_says),
        TEST(test_folder__gives_the_file_of_its_configuration),
        TEST(test_folder__of_a_hubs_cache_gives_its_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
