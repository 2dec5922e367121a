/* A user's list of images and labels. */
#include <stdlib.h>

#include "data/reader.h"
#include "data/readers.h"
#include "fuzz.h"
#include "prompt/base/csv.h"

static size_t check_list(const struct dataset *d, const struct item_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        FUZZ_REQUIRE(list->items[i].label >= 0 && list->items[i].label < d->n_classes);
        FUZZ_REQUIRE(reader_check_path(list->items[i].path) == OK);
    }
    return list->n;
}

/* A written cell reads back the same if it needs no repair. */
static void check_cell(const char *cell)
{
    struct str row = {0};
    str_append(&row, "sep=,\nx,");
    csv_write_text(&row, cell);
    str_append(&row, ",y\n");
    FUZZ_REQUIRE(str_status(&row) == OK);
    struct fuzz_file file = fuzz_file_open((const uint8_t *)row.data, row.len);
    struct csv csv = {0};
    FUZZ_REQUIRE(csv_open(&csv, file.path) == OK);
    FUZZ_REQUIRE(csv_next(&csv) == OK && csv.n == 3);
    csv_close(&csv);
    fuzz_file_close(&file);
    str_free(&row);
}

static void check_rows(const char *path)
{
    struct csv csv = {0};
    int status = csv_open(&csv, path);
    fuzz_require_status(status);
    size_t n_rows = 0, line = 0;
    while (status == OK && (status = csv_next(&csv)) == OK && csv.n > 0) {
        FUZZ_REQUIRE(csv.line > line);
        line = csv.line;
        if (n_rows++ == 0)
            check_cell(csv.cells[csv.n - 1]);
    }
    fuzz_require_status(status);
    csv_close(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct dataset *d = calloc(1, sizeof *d);
    FUZZ_REQUIRE(d != NULL);
    d->image_dir = str_dup("/images");
    int status = read_csv(d, file.path, 1);
    fuzz_require_status(status);
    if (status == OK) {
        FUZZ_REQUIRE(d->n_classes > 0 && str_status(&d->layout) == OK);
        for (int64_t k = 0; k < d->n_classes; k++)
            FUZZ_REQUIRE(d->class_names[k] && d->class_names[k][0] != '\0');
        FUZZ_REQUIRE(check_list(d, &d->train) + check_list(d, &d->val) + check_list(d, &d->test) > 0);
    }
    dataset_free(d);
    check_rows(file.path);
    fuzz_file_close(&file);
    return 0;
}
