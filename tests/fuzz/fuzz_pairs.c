/* A user's table of images and captions. Its images must only exist: the seeds use /dev/null. */
#include "fuzz.h"
#include "prompt/data/pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct pair_list list;
    char hex[DIGEST_HEX_SIZE];
    int status = pairs_read(&list, file.path);
    fuzz_require_status(status);
    FUZZ_REQUIRE((status == OK) == (list.n > 0));
    for (size_t i = 0; i < list.n; i++)
        FUZZ_REQUIRE(list.items[i].path[0] == '/' && list.items[i].caption[0] != '\0' &&
                     (i == 0 || list.items[i].line > list.items[i - 1].line));
    FUZZ_REQUIRE(pairs_digest(hex, &list) == OK);
    pairs_free(&list);
    fuzz_file_close(&file);
    return 0;
}
