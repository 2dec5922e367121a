/* prompt pretrain */
#include <stdlib.h>

#include "cmd.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/path.h"
#include "prompt/pretrain/pretrain.h"

static int pretrain(struct config *c, const struct opt_values *v, const char *out_dir)
{
    struct pretrain_options options = {
        .out_dir = out_dir, .resume = opt_given(v, "resume"), .force = opt_given(v, "force")};
    if (!out_dir)
        return error_set(ERR_USAGE, "no run folder: give --out DIR");
    if (options.resume && options.force)
        return error_set(ERR_USAGE, "--resume and --force exclude each other");
    int status = opt_i64(&options.max_steps, v, "max-steps", 1, INT64_MAX);
    if (status == OK && options.resume)
        status = cmd_resolve_resumed(c, v, out_dir);
    else if (status == OK) {
        status = opt_apply_file(c, v);
        if (status == OK)
            status = opt_apply_keys(c, v);
    }
    if (status == OK)
        status = config_check_pretraining(c);
    if (status != OK)
        return status;
    struct log log;
    log_init(&log, opt_given(v, "quiet"));
    interrupt_install();
    return pretrain_run(c, &options, &log);
}

int cmd_pretrain(const struct opt_values *v)
{
    struct config c;
    int status = config_init(&c);
    const char *out = opt_text(v, "out");
    char *out_dir = out ? path_absolute(out) : NULL;
    if (out && !out_dir)
        status = ERR_MEMORY;
    if (status == OK)
        status = pretrain(&c, v, out_dir);
    free(out_dir);
    config_free(&c);
    return status;
}
