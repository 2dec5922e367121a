/* Archives of torch.save and torch.jit.save. */
#include "fuzz.h"
#include "prompt/torch/torch.h"

enum { MAX_NUMEL = 4096 }; /* of a tensor that is read; strides of 0 make small files large */

struct visit {
    scope *s;
    size_t n;
};

static int look(void *context, const char *name, tensor *t)
{
    struct visit *v = context;
    float values[MAX_NUMEL];
    FUZZ_REQUIRE(name != NULL && t_numel(t) >= 0);
    v->n++;
    if (t_numel(t) <= MAX_NUMEL)
        FUZZ_REQUIRE(t_read_f32(values, (size_t)t_numel(t), v->s, t) == OK);
    return OK;
}

/* libtorch's zip reader forgets its own tables when it refuses a file; the sanitizer is told what is not
 * ours. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:mz_zip_reader_init\nleak:mz_zip_reader_read_central_dir\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct visit visit = {.s = scope_open(NULL, SCOPE_GRAD_OFF)};
    bool is_script = false;
    fuzz_require_status(archive_read(visit.s, file.path, &is_script, look, &visit));
    scope_close(visit.s);
    FUZZ_REQUIRE(scope_live_tensors() == 0);
    fuzz_file_close(&file);
    return 0;
}
