/* Archives of torch.save and torch.jit.save. */
#include "fuzz.h"
#include "prompt/torch/torch.h"

enum { MAX_NUMEL = 4096 }; /* of a tensor read; strides of 0 make small files large */

struct visit {
    scope *s;
    size_t n;
};

static int look(void *context, const struct archive_item *item)
{
    struct visit *v = context;
    float values[MAX_NUMEL];
    FUZZ_REQUIRE(item->name != NULL && (!item->value || t_numel(item->value) >= 0));
    v->n++;
    if (item->value && t_numel(item->value) <= MAX_NUMEL)
        FUZZ_REQUIRE(t_read_f32(values, (size_t)t_numel(item->value), v->s, item->value) == OK);
    return OK;
}

static int look_at_scalar(void *context, const char *name, const char *text)
{
    struct visit *v = context;
    FUZZ_REQUIRE(name != NULL && text != NULL);
    v->n++;
    return OK;
}

/* libtorch's zip reader leaks its tables when it refuses a file; tells the sanitizer to ignore that. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:mz_zip_reader_init\nleak:mz_zip_reader_read_central_dir\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct visit visit = {.s = scope_open(NULL, SCOPE_GRAD_OFF)};
    struct archive_facts facts;
    const struct archive_visitor visitor = {.tensor = look, .scalar = look_at_scalar, .context = &visit};
    fuzz_require_status(archive_read(visit.s, file.path, &facts, &visitor));
    scope_close(visit.s);
    FUZZ_REQUIRE(scope_live_tensors() == 0);
    fuzz_file_close(&file);
    return 0;
}
