/* A folder tree for tests of the report: files by their path
 * below it, and experiments of the program's own tables. */
#ifndef TESTS_UNIT_REPORT_FILES_H
#define TESTS_UNIT_REPORT_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/experiment.h"

static inline void must(int status)
{
    if (status != OK)
        fail_msg("%s", error_message());
}

/* ---------------------------------------------------------------- a tree of files */

/* cmocka's setup: *state is the path of a fresh folder. */
static inline int open_tree(void **state)
{
    *state = str_dup("/tmp/prompt-test-XXXXXX");
    return *state && mkdtemp(*state) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

/* cmocka's teardown: removes the folder with all below it. */
static inline int remove_tree(void **state)
{
    int result = nftw(*state, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return result;
}

/* Writes a file below the tree, and the folders that it needs. */
static inline void put_bytes(const char *tree, const char *name, const void *bytes, size_t n)
{
    char *path = path_join(tree, name);
    char *folder = path ? path_dir(path) : NULL;
    assert_non_null(folder);
    must(file_make_dirs(folder));
    must(file_write_atomic(path, bytes, n));
    free(folder);
    free(path);
}

static inline void put_text(const char *tree, const char *name, const char *text)
{
    put_bytes(tree, name, text, strlen(text));
}

/* ---------------------------------------------------------------- experiments */

static const struct str_list nothing = {0};

/* An experiment of configs/tables.json with the rows of these
 * names, commas between; "": all that are not optional. */
static inline struct experiment *open_experiment(const char *name, const char *methods)
{
    struct experiment *x = NULL;
    struct str_list list = {0};
    must(str_list_split(&list, methods));
    must(experiment_open(&x, CONFIGS_DIR "/tables.json", name, &list));
    str_list_free(&list);
    return x;
}

/* The row of that name. */
static inline const struct experiment_row *row_of(const struct experiment *x, const char *name)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (strcmp(x->rows[i].name, name) == 0)
            return &x->rows[i];
    fail_msg("%s has no row '%s'", x->name, name);
    return NULL;
}

#endif
