/* results.json of a run. */
#include "fuzz.h"
#include "prompt/report/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct record_list list = {0};
    int status = records_read(&list, file.path);
    fuzz_require_status(status);
    for (size_t i = 0; status == OK && i < list.n; i++)
        FUZZ_REQUIRE(list.items[i].dataset && list.items[i].n_accuracies > 0);
    records_free(&list);
    fuzz_file_close(&file);
    return 0;
}
