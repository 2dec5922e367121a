/* Split files of data sets. */
#include <stdlib.h>

#include "data/reader.h"
#include "data/readers.h"
#include "fuzz.h"

static void check_list(const struct dataset *d, const struct item_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        FUZZ_REQUIRE(list->items[i].label >= 0 && list->items[i].label < d->n_classes);
        FUZZ_REQUIRE(reader_check_path(list->items[i].path) == OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct dataset *d = calloc(1, sizeof *d);
    FUZZ_REQUIRE(d != NULL);
    int status = read_split(d, file.path);
    fuzz_require_status(status);
    if (status == OK) {
        FUZZ_REQUIRE(d->n_classes > 0 && d->train.n > 0);
        for (int64_t k = 0; k < d->n_classes; k++)
            FUZZ_REQUIRE(d->class_names[k] && d->class_names[k][0] != '\0');
        check_list(d, &d->train);
        check_list(d, &d->val);
        check_list(d, &d->test);
    }
    dataset_free(d);
    fuzz_file_close(&file);
    return 0;
}
