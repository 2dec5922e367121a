/* prompt train */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "cmd_targets.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/run/train.h"
#include "resume.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt run_options[] = {
    {"shots", "K", "data.shots", false, NULL},
    {"out", "DIR", NULL, false, "folder of the run: configuration, log, checkpoints, results"},
    {"resume", NULL, NULL, false, "continue from the last checkpoint in --out"},
    {"force", NULL, NULL, false, "replace the run in --out"},
    {"datasets", "LIST", NULL, true,
     "further data sets of a later prompt eval, to check their names and pictures now"},
    {"max-steps", "N", NULL, false, "stop after N steps with a checkpoint; such a run is not finished"},
    {"dry-run", NULL, NULL, false,
     "print trained tensors, steps, memory, time and the origin of every key, then stop"},
    {"print-config", NULL, NULL, false, "print the configuration as JSON, then stop"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Run", run_options},
    {"Configuration (defaults < --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    {.title = NULL},
};

static const char notes[] =
    "The rows of Table 5 are keys:\n"
    "  -G^V   --set vision_prompt.generator=false\n"
    "  -G^T   --set text_prompt.generator=false\n"
    "  -G     both\n"
    "  -F     --set filter=false\n"
    "  -Iter  prompt eval --config configs/zeroshot.json\n"
    "\n"
    "Example:\n"
    "  prompt train --config configs/base2new.json --data DIR --dataset caltech101 --model FILE \\\n"
    "               --seed 1 --out runs/caltech101-s1";

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
    options.targets = targets;
    if (status == OK && (status = cmd_read_targets(targets, v)) == OK &&
        (status = options.resume ? cmd_resolve_resumed(c, v, out_dir) : opt_resolve(c, v, NULL)) == OK)
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

static int cmd_train(const struct opt_values *v)
{
    struct config c = {0};
    struct str_list targets = {0};
    const char *out = opt_text(v, "out");
    char *out_dir =
        out ? path_absolute(out) : NULL; /* messages and the command to resume name it from anywhere */
    int status = out && !out_dir ? ERR_MEMORY : train(&c, &targets, v, out_dir);
    str_list_free(&targets);
    free(out_dir);
    config_free(&c);
    return status;
}

const struct command command_train = {
    "train", NULL, NULL, cmd_train, groups, "train prompts on a few-shot set", notes};
