/* A run's checkpoint: its header, its configuration, and its tensors copied over those of a method. */
#include <string.h>

#include "fuzz.h"
#include "prompt/config/config.h"
#include "prompt/methods/parts.h"
#include "prompt/run/checkpoint.h"

static void read_config(const char *text)
{
    struct config config;
    FUZZ_REQUIRE(config_init(&config) == OK);
    fuzz_require_status(config_read_text(&config, text, strlen(text), "checkpoint", CONFIG_RUN));
    config_free(&config);
}

/* The trained tensors of the seeds. */
static int add_trained(struct method *m)
{
    const float values[6] = {0};
    const struct device cpu = {DEVICE_CPU, 0};
    int status =
        params_add(&m->trained, "text_prompts", t_from_f32(m->scope, values, SHAPE(2, 3), DTYPE_F32, cpu));
    if (status == OK)
        status = params_add(&m->trained, "scale", t_from_f32(m->scope, values, SHAPE(1), DTYPE_F32, cpu));
    return status;
}

static void read_tensors(const char *path)
{
    const struct clip clip = {.device = {DEVICE_CPU, 0}};
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    const struct method_ops ops = {0};
    struct method m = {.ops = &ops, .clip = &clip, .scope = s};
    struct optimizer optimizer;
    FUZZ_REQUIRE(add_trained(&m) == OK);
    FUZZ_REQUIRE(optimizer_init(&optimizer, s, &m.trained, &(struct optimizer_options){.momentum = 0.9}) ==
                 OK);
    fuzz_require_status(checkpoint_read_tensors(&m, &optimizer, path));
    optimizer_deinit(&optimizer);
    params_free(&m.trained);
    scope_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct provenance provenance;
    struct progress progress;
    int status = provenance_read(&provenance, &progress, file.path);
    fuzz_require_status(status);
    if (status == OK) {
        FUZZ_REQUIRE(progress.epoch >= 0 && progress.step >= 0 && provenance.n_classes >= 0);
        read_config(provenance.config);
        read_tensors(file.path);
    }
    provenance_free(&provenance);
    FUZZ_REQUIRE(scope_live_tensors() == 0);
    fuzz_file_close(&file);
    return 0;
}
