/* FGVC's lists: variants.txt up to an empty line, then the three lists of images, which are the same. */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "data/readers.h"
#include "fuzz.h"

static const char *const lists[] = {"images_variant_train.txt", "images_variant_val.txt",
                                    "images_variant_test.txt"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *gap = n > 0 ? memmem(data, n, "\n\n", 2) : NULL;
    const size_t n_first = gap ? (size_t)(gap - data) + 1 : n;
    fuzz_folder_write("variants.txt", data, n_first);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        fuzz_folder_write(lists[i], data + n_first, n - n_first);
    struct dataset *d = calloc(1, sizeof *d);
    FUZZ_REQUIRE(d != NULL);
    d->image_dir = str_format("%s/images", fuzz_folder());
    int status = read_aircraft(d);
    fuzz_require_status(status);
    for (size_t i = 0; status == OK && i < d->test.n; i++)
        FUZZ_REQUIRE(d->test.items[i].label >= 0 && d->test.items[i].label < d->n_classes);
    dataset_free(d);
    return 0;
}
