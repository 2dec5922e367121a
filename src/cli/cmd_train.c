/* prompt train */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "cmd_targets.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/path.h"
#include "prompt/run/train.h"
#include "run_args.h"
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
    "Examples:\n"
    "  prompt train --config configs/base2new.json --data DIR --dataset caltech101 --model FILE \\\n"
    "               --seed 1 --out runs/caltech101-s1\n"
    "  prompt train --resume --out runs/caltech101-s1";

static int print_config(const struct config *c)
{
    struct str text = {0};
    int status = config_write(&text, c);
    if (status == OK)
        status = cmd_print(&text);
    str_free(&text);
    return status;
}

/* Prints every key with its value and origin. */
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

static int train(struct config *c, struct train_options *options, struct str_list *targets,
                 const struct opt_values *v)
{
    int status = OK;
    if ((status = cmd_read_targets(targets, v)) == OK &&
        (status = run_args_resolve(c, v, &options->run)) == OK)
        status = config_settle(c);
    if (status == OK && opt_given(v, "print-config"))
        return print_config(c);
    if (status != OK || (status = config_check_training(c)) != OK)
        return status;
    struct log log;
    cmd_open_log(&log, v);
    interrupt_install();
    status = train_run(c, options, &log);
    return status == OK && options->dry_run ? print_origins(c) : status;
}

static int cmd_train(const struct opt_values *v)
{
    struct config c = {0};
    struct str_list targets = {0};
    struct train_options options = {.dry_run = opt_given(v, "dry-run"), .targets = &targets};
    char *out_dir = NULL;
    const bool writes = !options.dry_run && !opt_given(v, "print-config");
    int status = run_args_read(&options.run, &out_dir, v, writes);
    if (status == OK)
        status = train(&c, &options, &targets, v);
    str_list_free(&targets);
    free(out_dir);
    config_free(&c);
    return status;
}

const struct command command_train = {
    "train", NULL, NULL, cmd_train, groups, "train prompts on a few-shot set", notes};
