/* prompt train */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/path.h"
#include "prompt/run/train.h"

static int resolve(struct config *c, const struct opt_values *v, const struct train_options *options)
{
    if (options->resume)
        return cmd_resolve_resumed(c, v, options->out_dir);
    int status = opt_apply_file(c, v);
    return status == OK ? opt_apply_keys(c, v) : status;
}

static int print_config(const struct config *c)
{
    struct str text = {0};
    int status = config_write(&text, c);
    if (status == OK)
        status = cmd_print(&text);
    str_free(&text);
    return status;
}

/* Every key, its value and where it comes from. */
static int print_origins(const struct config *c)
{
    struct str text = {0};
    for (size_t i = 0; i < config_n_keys(); i++) {
        struct str value = {0};
        config_write_value(&value, c, i);
        str_appendf(&text, "%-26s %-22s (%s)\n", config_key(i)->key, str_text(&value),
                    config_origin_names[c->origins[i]]);
        str_free(&value);
    }
    int status = cmd_print(&text);
    str_free(&text);
    return status;
}

static int read_options(struct train_options *out, const struct opt_values *v, const char *out_dir)
{
    *out = (struct train_options){.out_dir = out_dir,
                                  .resume = opt_given(v, "resume"),
                                  .force = opt_given(v, "force"),
                                  .dry_run = opt_given(v, "dry-run")};
    if (out->resume && out->force)
        return error_set(ERR_USAGE, "--resume and --force exclude each other");
    const bool writes = !out->dry_run && !opt_given(v, "print-config");
    if (!out->out_dir && (out->resume || writes))
        return error_set(ERR_USAGE, "no run folder: give --out DIR");
    return opt_i64(&out->max_steps, v, "max-steps", 1, INT64_MAX);
}

static int train(struct config *c, struct str_list *targets, const struct opt_values *v, const char *out_dir)
{
    struct train_options options;
    int status = read_options(&options, v, out_dir);
    if (status == OK)
        status = cmd_read_targets(targets, v);
    options.targets = targets;
    if (status == OK && (status = resolve(c, v, &options)) == OK)
        status = config_settle(c);
    if (status != OK || opt_given(v, "print-config"))
        return status == OK ? print_config(c) : status;
    status = config_check_training(c);
    if (status != OK)
        return status;
    struct log log;
    log_init(&log, opt_given(v, "quiet"));
    interrupt_install();
    status = train_run(c, &options, &log);
    if (status == OK && options.dry_run)
        status = print_origins(c);
    return status;
}

int cmd_train(const struct opt_values *v)
{
    struct config c;
    struct str_list targets = {0};
    int status = config_init(&c);
    const char *out = opt_text(v, "out");
    char *out_dir =
        out ? path_absolute(out) : NULL; /* messages and the command to resume name it from anywhere */
    if (out && !out_dir)
        status = ERR_MEMORY;
    if (status == OK)
        status = train(&c, &targets, v, out_dir);
    str_list_free(&targets);
    free(out_dir);
    config_free(&c);
    return status;
}
