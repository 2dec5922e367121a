/* Safetensors: reads every byte of every tensor, names and metadata. */
#include "fuzz.h"
#include "prompt/nn/safetensors.h"

static void read_all(const struct safetensors *file)
{
    for (size_t i = 0; i < file->tensors.n; i++) {
        const tensor *t = file->tensors.items[i].value;
        const size_t n = (size_t)t_numel(t) * dtype_size(t_dtype(t));
        FUZZ_REQUIRE(n <= file->n_bytes);
        fuzz_read(t_data(t), n);
        FUZZ_REQUIRE(params_find(&file->tensors, file->tensors.items[i].name) == t);
    }
    for (size_t i = 0; i < file->metadata.n; i++)
        FUZZ_REQUIRE(metadata_get(&file->metadata, file->metadata.items[i].key) ==
                     file->metadata.items[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file input = fuzz_file_open(data, n);
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct safetensors *file = NULL;
    int status = safetensors_open(&file, s, input.path);
    fuzz_require_status(status);
    if (status == OK)
        read_all(file);
    scope_close(s);
    safetensors_close(file);
    FUZZ_REQUIRE(scope_live_tensors() == 0);
    fuzz_file_close(&input);
    return 0;
}
