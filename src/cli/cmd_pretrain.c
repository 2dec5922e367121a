/* prompt pretrain */
#include <stdlib.h>

#include "cmd.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/path.h"
#include "prompt/pretrain/pretrain.h"
#include "run_args.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt run_options[] = {
    {"out", "DIR", NULL, false, "folder of the run: recipe, log, checkpoint and model.safetensors"},
    {"captions", "FILE", "pretrain.captions", false, NULL},
    {"resume", NULL, NULL, false, "continue from the last checkpoint in --out"},
    {"force", NULL, NULL, false, "replace the run in --out"},
    {"max-steps", "N", NULL, false, "stop after N steps with a checkpoint; such a run is not finished"},
    {.name = NULL},
};

static const struct opt pair_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false,
     "measure the zero-shot accuracy on this data set now and then"},
    {"seed", "S", "seed", false, "seed of the first weights, the pictures and their order"},
    {.name = NULL},
};

static const struct opt own_machine_options[] = {
    {"device", "NAME", "device", false, NULL},
    {"threads", "N", "threads", false, NULL},
    {"quiet", NULL, NULL, false, "no progress and no notes on stderr; warnings and errors remain"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Run", run_options},   {"Configuration (defaults < --config < command line)", config_options},
    {"Data", pair_options}, {"Machine", own_machine_options},
    {.title = NULL},
};

static const char notes[] =
    "Without --captions the pictures and captions are drawn. A CSV file needs the header image,caption; its\n"
    "words must be those of the drawn world, or --set model.merges=FILE gives the model CLIP's vocabulary.\n"
    "\n"
    "Examples:\n"
    "  prompt pretrain --config configs/mini/pretrain.json --out runs/mini\n"
    "  prompt pretrain --config configs/mini/pretrain.json --captions pairs.csv --out runs/own";

static int cmd_pretrain(const struct opt_values *v)
{
    struct config c = {0};
    struct run_options options;
    char *out_dir = NULL;
    int status = OK;
    if ((status = run_args_read(&options, &out_dir, v, true)) == OK &&
        (status = run_args_resolve(&c, v, &options)) == OK && (status = config_check_pretraining(&c)) == OK) {
        struct log log;
        log_init(&log, opt_given(v, "quiet"));
        interrupt_install();
        status = pretrain_run(&c, &options, &log);
    }
    free(out_dir);
    config_free(&c);
    return status;
}

const struct command command_pretrain = {
    "pretrain", NULL, NULL, cmd_pretrain, groups, "train a small CLIP from nothing", notes};
