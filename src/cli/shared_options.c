/* Options that several commands take. */
#include "shared_options.h"

const struct opt config_options[] = {
    {"config", "FILE", NULL, false, "read keys from a JSON file; configs/ holds the presets"},
    {"set", "KEY=VALUE", NULL, true, "set any key, as in training.lr=0.004; prompt config lists them"},
    {.name = NULL},
};

const struct opt data_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, NULL},
    {"model", "FILE", "model.path", false, NULL},
    {"seed", "S", "seed", false, NULL},
    {"skip-bad-images", NULL, "data.skip_bad_images", false, NULL},
    {.name = NULL},
};

const struct opt model_options[] = {
    {"model", "FILE", "model.path", false, NULL},
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, NULL},
    {.name = NULL},
};

const struct opt machine_options[] = {
    {"device", "NAME", "device", false, NULL},
    {"threads", "N", "threads", false, NULL},
    {"precision", "NAME", "precision", false, NULL},
    {"quiet", NULL, NULL, false, "no progress and no notes on stderr; warnings and errors remain"},
    {.name = NULL},
};

const struct opt_group no_options[] = {{.title = NULL}};
