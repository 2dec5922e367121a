/* Everything on which a bit of a feature may depend. */
#include "feature_key.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/image/image.h"
#include "prompt/run/version.h"
#include "prompt/store/store.h"

/* Rises when the same key would mean other features. */
enum { REVISION = 1 };

extern char **environ;

static bool starts_with_any(const char *text, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (str_starts_with(text, *prefixes))
            return true;
    return false;
}

/* ---------------------------------------------------------------- program and machine */

/* The lines that describe the first processor, without those that change from moment to moment. */
static int add_processor(struct str *out)
{
    static const char *const prefixes[] = {"vendor_id", "cpu family", "model", "stepping", "cache size",
                                           "flags",     "Features",   "CPU ",  NULL};
    char *text = NULL;
    size_t n = 0;
    int status = file_read(&text, &n, "/proc/cpuinfo");
    if (status != OK)
        return status;
    for (char *line = text; *line != '\0' && *line != '\n';) {
        const size_t length = strcspn(line, "\n");
        if (starts_with_any(line, prefixes))
            str_append_n(out, line, length + 1);
        line += length + (line[length] == '\n');
    }
    free(text);
    return str_status(out);
}

/* The variables by which libtorch and its libraries choose their kernels. */
static void add_environment(struct str *out)
{
    static const char *const prefixes[] = {"ATEN_", "CUBLAS_", "CUDA_", "CUDNN_",  "DNNL_",  "GOMP_", "KMP_",
                                           "MKL_",  "NVIDIA_", "OMP_",  "ONEDNN_", "TORCH_", NULL};
    struct str_list found = {0};
    bool failed = false;
    for (char **variable = environ; *variable; variable++)
        if (starts_with_any(*variable, prefixes))
            failed = failed || str_list_add(&found, *variable) != OK;
    str_list_sort_unique(&found);
    for (size_t i = 0; i < found.n; i++)
        str_appendf(out, "%s\n", found.items[i]);
    str_list_free(&found);
    out->failed = out->failed || failed;
}

static int digest_machine(char hex[DIGEST_HEX_SIZE], const struct session *s)
{
    struct str text = {0};
    char device[256];
    int status = add_processor(&text);
    add_environment(&text);
    if (s->device.kind == DEVICE_CUDA) {
        device_describe(device, sizeof device);
        str_append(&text, device);
    }
    if (status == OK && (status = str_status(&text)) == OK)
        status = digest_memory(hex, str_text(&text), text.len);
    str_free(&text);
    return status;
}

static int digest_program(char hex[DIGEST_HEX_SIZE], const struct store *store)
{
    char *path = realpath("/proc/self/exe", NULL);
    int status = path ? store_digest_file(hex, store, path)
                      : error_set(ERR_IO, "the system does not tell where the program's file is");
    free(path);
    return status;
}

/* ---------------------------------------------------------------- parts of keys */

static void add_tower(struct str *out, const char *name, const struct tower_dims *d)
{
    str_appendf(out, "%s %" PRId64 " heads, activation %d, epsilon %.17g\n", name, d->n_heads,
                (int)d->activation, d->norm_eps);
}

int feature_key_begin(struct str *out, const struct session *s)
{
    char program[DIGEST_HEX_SIZE], machine[DIGEST_HEX_SIZE], device[16];
    int status = OK;
    if ((status = digest_program(program, s->store)) != OK || (status = digest_machine(machine, s)) != OK)
        return status;
    device_format(device, sizeof device, s->device);
    str_appendf(out, "features, %d\nweights %s\n", REVISION, s->weights->sha256);
    add_tower(out, "vision", &s->weights->dims.vision);
    add_tower(out, "text", &s->weights->dims.text);
    str_appendf(out, "encoder %s\nprecision %s\n", encoder_names[s->config->encoder],
                precision_names[s->precision]);
    if (s->config->products != PRODUCTS_AUTO)
        str_appendf(out, "products %s\n", products_names[s->config->products]);
    str_appendf(out, "program %s %s\nlibtorch %s\nmachine %s\ndevice %s\nthreads %" PRId64 "\n",
                PROMPT_VERSION, program, torch_version(), machine, device, s->team.n_most);
    return str_status(out);
}

int feature_key_captions(struct str *out, const struct token_rows *captions, size_t n_templates,
                         enum template_mean mean)
{
    struct digest *d = NULL;
    char hex[DIGEST_HEX_SIZE];
    int status = digest_open(&d);
    if (status != OK)
        return status;
    for (size_t i = 0; i < n_templates; i++) {
        const struct token_rows *rows = &captions[i];
        const int64_t sizes[] = {rows->n, rows->n_tokens};
        digest_update(d, sizes, sizeof sizes);
        digest_update(d, rows->ids, (size_t)(rows->n * rows->n_tokens) * sizeof *rows->ids);
        digest_update(d, rows->ends, (size_t)rows->n * sizeof *rows->ends);
    }
    status = digest_close(hex, d);
    str_appendf(out, "captions of %zu templates%s, tokens %s\n", n_templates,
                n_templates > 1 && mean == TEMPLATE_MEAN_RAW ? ", raw" : "", hex);
    return status == OK ? str_status(out) : status;
}

/* The digest of the files' paths and stamps. */
static int digest_files(char hex[DIGEST_HEX_SIZE], bool *is_settled, const struct image_source *source)
{
    struct digest *d = NULL;
    struct str line = {0};
    int status = digest_open(&d);
    if (status != OK)
        return status;
    *is_settled = true;
    for (size_t i = 0; status == OK && i < source->items->n; i++) {
        char *path = item_file(source->image_dir, &source->items->items[i]);
        str_clear(&line);
        status = path ? store_stamp(&line, is_settled, path) : ERR_MEMORY;
        if (status == OK) {
            digest_update(d, path, strlen(path) + 1);
            digest_update(d, str_text(&line), line.len + 1);
        }
        free(path);
    }
    str_free(&line);
    const int closed = digest_close(hex, d);
    return status == OK ? closed : status;
}

int feature_key_images(struct str *out, bool *is_settled, const struct session *s,
                       const struct image_source *source)
{
    char hex[DIGEST_HEX_SIZE];
    int status = digest_files(hex, is_settled, source);
    if (status != OK)
        return status;
    str_append(out, "preprocessing ");
    preprocess_describe(out, &s->weights->preprocess);
    str_appendf(out, "\ndecoder %s\norientation %s\nbatches of %" PRId64 "\n", image_decoder(),
                source->apply_orientation ? "applied" : "ignored", source->batch_size);
    str_appendf(out, "images %zu, files %s\n", source->items->n, hex);
    return str_status(out);
}
