/* Files of caption templates. */
#include <string.h>

#include "fuzz.h"
#include "prompt/data/templates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct templates templates;
    int status = templates_read(&templates, file.path);
    fuzz_require_status(status);
    if (status == OK) {
        FUZZ_REQUIRE(templates.n > 0 && strlen(templates.sha256) == 64);
        for (size_t i = 0; i < templates.n; i++)
            FUZZ_REQUIRE(template_is_valid(templates.items[i]));
    }
    templates_free(&templates);
    fuzz_file_close(&file);
    return 0;
}
