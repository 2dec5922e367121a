/* ImageNet's classnames.txt. */
#include <stdlib.h>

#include "data/imagenet_classes.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_folder_write("classnames.txt", data, n);
    struct imagenet_classes classes;
    struct dataset d = {0};
    int status = imagenet_classes_open(&classes, fuzz_folder(), fuzz_folder());
    fuzz_require_status(status);
    if (status == OK) {
        FUZZ_REQUIRE(classes.n > 0);
        for (size_t i = 0; i < classes.n; i++) {
            size_t idx = 0;
            FUZZ_REQUIRE(imagenet_is_id(classes.classes[i].id));
            FUZZ_REQUIRE(imagenet_classes_find(&idx, &classes, classes.classes[i].id) && idx == i);
        }
        FUZZ_REQUIRE(imagenet_classes_note(&d, &classes) == OK);
    }
    str_free(&d.other_names);
    free(d.names_file);
    imagenet_classes_close(&classes);
    return 0;
}
