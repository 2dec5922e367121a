/* The store gives back what was put under a key, or nothing: never the numbers of another key or of half a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "prompt/base/dir.h"
#include "prompt/base/file.h"
#include "prompt/store/store.h"

enum { N = 100 }; /* values of an entry */

struct shared {
    char dir[64];
    struct store *store;
};

/* A new folder, and a store in one below it that is not there yet. */
static int set_up(void **state)
{
    struct shared *w = calloc(1, sizeof *w);
    char dir[96];
    if (!w)
        return -1;
    snprintf(w->dir, sizeof w->dir, "/tmp/prompt-test-store-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    snprintf(dir, sizeof dir, "%s/a/b", w->dir);
    *state = w;
    return store_open(&w->store, dir, 1 << 20);
}

static int tear_down(void **state)
{
    struct shared *w = *state;
    store_close(w->store);
    int status = file_remove_tree(w->dir);
    free(w);
    return status;
}

static int put(const struct store *s, const char *key, float first)
{
    float values[N];
    struct metadata notes = {0};
    const struct safetensors_entry array = {.name = "v", .dtype = DTYPE_F32, .dims = {4, N / 4}, .n_dims = 2};
    for (int i = 0; i < N; i++)
        values[i] = first + (float)i;
    assert_int_equal(metadata_set(&notes, "note", "two\nlines"), OK);
    const void *const data[] = {values};
    const int status = store_put(s, key, &array, data, 1, &notes);
    metadata_free(&notes);
    return status;
}

/* The first value under a key; -1 if there is none. */
static float get(const struct store *s, const char *key)
{
    struct store_entry e;
    float first = -1.0F;
    assert_int_equal(store_get(&e, s, key), OK);
    if (e.file) {
        const float *values = store_entry_array(&e, "v", DTYPE_F32, (const int64_t[]){4, N / 4}, 2);
        assert_non_null(values);
        assert_null(store_entry_array(&e, "v", DTYPE_F32, (const int64_t[]){N / 4, 4}, 2));
        assert_null(store_entry_array(&e, "w", DTYPE_F32, (const int64_t[]){4, N / 4}, 2));
        assert_string_equal(metadata_get(&e.header.metadata, "note"), "two\nlines");
        first = values[0];
        for (int i = 0; i < N; i++)
            assert_true(values[i] == first + (float)i);
    }
    store_entry_free(&e);
    return first;
}

static size_t n_files(const struct store *s)
{
    struct str_list names = {0};
    assert_int_equal(dir_list(&names, s->dir), OK);
    const size_t n = names.n;
    str_list_free(&names);
    return n;
}

/* The file of the only entry. */
static void only_file(char *out, size_t n, const struct store *s)
{
    struct str_list names = {0};
    assert_int_equal(dir_list(&names, s->dir), OK);
    assert_int_equal(names.n, 1);
    snprintf(out, n, "%s/%s", s->dir, names.items[0]);
    str_list_free(&names);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void test_store__gives_back_what_was_put(void **state)
{
    const struct store *s = ((struct shared *)*state)->store;
    assert_true(get(s, "one") == -1.0F);
    assert_int_equal(put(s, "one", 5.0F), OK);
    assert_int_equal(put(s, "two \"\n\t", 7.0F), OK);
    assert_true(get(s, "one") == 5.0F && get(s, "two \"\n\t") == 7.0F && get(s, "on") == -1.0F);
    assert_int_equal(put(s, "one", 6.0F), OK);
    assert_true(get(s, "one") == 6.0F);
    assert_int_equal(n_files(s), 2);
}

/* Each length and each changed byte is noticed, and the entry is gone. */
static void test_store__damage_is_noticed(void **state)
{
    const struct store *s = ((struct shared *)*state)->store;
    char path[256];
    char *whole = NULL;
    size_t n = 0;
    assert_int_equal(put(s, "key", 1.0F), OK);
    only_file(path, sizeof path, s);
    assert_int_equal(file_read(&whole, &n, path), OK);
    char *bytes = malloc(n);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++) {
        struct store_entry e;
        memcpy(bytes, whole, n);
        bytes[i] ^= 1;
        assert_int_equal(file_write(path, i % 2 ? bytes : whole, i % 2 ? n : i), OK);
        const int status = store_get(&e, s, "key");
        if (status == OK && e.file) /* a space of the padding may become another character only by an error */
            fail_msg("byte %zu of %zu", i, n);
        assert_int_equal(status, ERR_FORMAT);
        assert_null(e.file);
        assert_false(file_exists(path));
    }
    free(bytes);
    free(whole);
}

static void test_store__a_file_under_another_name_is_not_taken(void **state)
{
    const struct shared *w = *state;
    const struct store *s = w->store;
    struct store_entry e;
    char one[256], two[256], aside[128];
    snprintf(aside, sizeof aside, "%s/aside", w->dir);
    assert_int_equal(put(s, "one", 1.0F), OK);
    only_file(one, sizeof one, s);
    assert_int_equal(rename(one, aside), 0);
    assert_int_equal(put(s, "two", 2.0F), OK);
    only_file(two, sizeof two, s);
    assert_int_equal(rename(aside, two), 0);
    assert_int_equal(store_get(&e, s, "two"), ERR_FORMAT);
    assert_true(get(s, "two") == -1.0F);
}

static void test_store__what_was_not_used_for_longest_leaves_first(void **state)
{
    struct store *s = ((struct shared *)*state)->store;
    char path[256];
    struct stat info;
    assert_int_equal(put(s, "a", 1.0F), OK);
    only_file(path, sizeof path, s);
    assert_int_equal(stat(path, &info), 0);
    s->max_bytes = 3 * (uint64_t)info.st_size + 10;
    pause_ms(20);
    assert_int_equal(put(s, "b", 2.0F), OK);
    pause_ms(20);
    assert_int_equal(put(s, "c", 3.0F), OK);
    pause_ms(20);
    assert_true(get(s, "a") == 1.0F); /* used now */
    pause_ms(20);
    assert_int_equal(put(s, "d", 4.0F), OK);
    assert_int_equal(n_files(s), 3);
    assert_true(get(s, "a") == 1.0F && get(s, "b") == -1.0F && get(s, "c") == 3.0F && get(s, "d") == 4.0F);
    s->max_bytes = (uint64_t)info.st_size - 1; /* too small for any: nothing leaves for it */
    assert_int_equal(put(s, "e", 5.0F), OK);
    assert_true(get(s, "e") == -1.0F && n_files(s) == 3);
}

/* In a store for two entries 8 processes put and get 6: each gets the right numbers or none. */
static void test_store__many_processes_at_once(void **state)
{
    struct store *s = ((struct shared *)*state)->store;
    s->max_bytes = 1500;
    for (int process = 0; process < 8; process++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child != 0)
            continue;
        for (int i = 0; i < 30; i++) {
            char key[8];
            const int k = (process + i) % 6;
            snprintf(key, sizeof key, "%d", k);
            const float found = get(s, key);
            if ((found != -1.0F && found != 10.0F * (float)k) || put(s, key, 10.0F * (float)k) != OK)
                _exit(1);
        }
        _exit(0);
    }
    for (int process = 0; process < 8; process++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_in_range(n_files(s), 1, 2);
}

static void test_store__a_digest_is_that_of_the_file_as_it_is(void **state)
{
    struct shared *w = *state;
    char path[96], hex[DIGEST_HEX_SIZE], expected[DIGEST_HEX_SIZE];
    const char *const texts[] = {"first", "other", "third"};
    const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    snprintf(path, sizeof path, "%s/file", w->dir);
    for (int i = 0; i < 3; i++) { /* of one size and with one time of modification */
        assert_int_equal(file_write(path, texts[i], 5), OK);
        assert_int_equal(utimensat(0, path, old, 0), 0);
        assert_int_equal(digest_memory(expected, texts[i], 5), OK);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(store_digest_file(hex, w->store, path), OK);
            assert_string_equal(hex, expected);
        }
    }
    assert_false(file_exists(w->store->dir)); /* the file is too new to be known by its times */
    sleep(3);
    for (int j = 0; j < 2; j++) {
        assert_int_equal(store_digest_file(hex, w->store, path), OK);
        assert_string_equal(hex, expected);
    }
    assert_int_equal(n_files(w->store), 1);
    assert_int_equal(store_digest_file(hex, w->store, "/no/such/file"), ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_store__gives_back_what_was_put),
        TEST(test_store__damage_is_noticed),
        TEST(test_store__a_file_under_another_name_is_not_taken),
        TEST(test_store__what_was_not_used_for_longest_leaves_first),
        TEST(test_store__many_processes_at_once),
        TEST(test_store__a_digest_is_that_of_the_file_as_it_is),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
