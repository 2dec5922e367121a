/* For tests of weights: a folder with a file of the arch "micro" to change and open. */
#ifndef TESTS_UNIT_WEIGHTS_FILES_H
#define TESTS_UNIT_WEIGHTS_FILES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/weights/weights.h"

struct fixture {
    char dir[64];
    char *path;
    scope *scope;
    struct weights *made;
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    snprintf(f->dir, sizeof f->dir, "/tmp/prompt-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    f->path = path_join(f->dir, "model.safetensors");
    f->scope = scope_open(NULL, SCOPE_GRAD_OFF);
    *state = f;
    if (weights_init(&f->made, f->scope, "micro", 1, 2.0) != OK)
        return -1;
    return f->path && weights_save(f->made, f->path) == OK ? 0 : -1;
}

static inline void remove_files(const char *dir)
{
    DIR *stream = opendir(dir);
    for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream)) {
        char *path = path_join(dir, entry->d_name);
        if (entry->d_name[0] != '.')
            (void)unlink(path);
        free(path);
    }
    if (stream)
        closedir(stream);
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    weights_close(f->made);
    scope_close(f->scope);
    remove_files(f->dir);
    int status = rmdir(f->dir);
    free(f->path);
    free(f);
    return status == 0 && scope_live_tensors() == 0 ? 0 : -1;
}

static inline void write_beside(const struct fixture *f, const char *name, const char *text)
{
    char *path = path_join(f->dir, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text)), OK);
    free(path);
}

/* Writes tensors without any metadata, like open_clip's own file. */
static inline void write_params(const struct fixture *f, const struct params *p)
{
    if (safetensors_write(f->path, p, NULL) != OK)
        fail_msg("%s", error_message());
}

/* The model's tensors except those whose name starts with `without` ("": all). */
static inline struct params copy_params(const struct fixture *f, const char *without)
{
    struct params p = {0};
    for (size_t i = 0; i < f->made->tensors.n; i++) {
        const struct param *item = &f->made->tensors.items[i];
        if (without[0] == '\0' || !str_starts_with(item->name, without))
            assert_int_equal(params_add(&p, item->name, item->value), OK);
    }
    return p;
}

static const struct weights_options all_options = {
    .vision_heads = 2, .text_heads = 2, .activation = "gelu", .norm_eps = 1e-6};

static inline struct weights *open_ok(const struct fixture *f, const struct weights_options *options)
{
    struct weights *w = NULL;
    if (weights_open(&w, f->scope, f->path, options) != OK)
        fail_msg("%s", error_message());
    return w;
}

static inline void expect_error(const struct fixture *f, const struct weights_options *options, int status,
                                const char *message)
{
    char *want = str_format("reading '%s': %s", f->path, message);
    struct weights *w = NULL;
    assert_int_equal(weights_open(&w, f->scope, f->path, options), status);
    assert_null(w);
    assert_string_equal(error_message(), want);
    free(want);
}

#endif
