/* The table of commands and their options. */
#include "cmd.h"

/* ---------------------------------------------------------------- options that commands share */

#define END_OF_OPTIONS                                                                                       \
    {                                                                                                        \
        NULL, NULL, NULL, false, NULL                                                                        \
    }
#define END_OF_GROUPS                                                                                        \
    {                                                                                                        \
        NULL, NULL                                                                                           \
    }

static const struct opt config_options[] = {
    {"config", "FILE", NULL, false, "read keys from a JSON file; configs/ holds the presets"},
    {"set", "KEY=VALUE", NULL, true, "set any key, as in training.lr=0.004; prompt config lists them"},
    END_OF_OPTIONS,
};

static const struct opt data_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, NULL},
    {"model", "FILE", "model.path", false, NULL},
    {"seed", "S", "seed", false, NULL},
    {"skip-bad-images", NULL, "data.skip_bad_images", false, NULL},
    END_OF_OPTIONS,
};

static const struct opt machine_options[] = {
    {"device", "NAME", "device", false, NULL},
    {"threads", "N", "threads", false, NULL},
    {"precision", "NAME", "precision", false, NULL},
    {"quiet", NULL, NULL, false, "no progress and no notes on stderr; warnings and errors remain"},
    END_OF_OPTIONS,
};

/* What a weights file does not say is given by keys. */
static const struct opt weights_options[] = {
    {"set", "KEY=VALUE", NULL, true,
     "what the file does not say: model.vision_heads, model.text_heads, model.activation, model.norm_eps"},
    END_OF_OPTIONS,
};

/* ---------------------------------------------------------------- train */

static const struct opt train_options[] = {
    {"shots", "K", "data.shots", false, NULL},
    {"out", "DIR", NULL, false, "folder of the run: configuration, log, checkpoints, results"},
    {"resume", NULL, NULL, false, "go on from the last checkpoint in --out"},
    {"force", NULL, NULL, false, "replace what stands in --out"},
    {"datasets", "LIST", NULL, true, "what prompt eval will get: their names and pictures are checked now"},
    {"max-steps", "N", NULL, false, "stop after N steps with a checkpoint; such a run is not finished"},
    {"dry-run", NULL, NULL, false, "show trained tensors, steps, memory and every key's origin, then stop"},
    {"print-config", NULL, NULL, false, "print the configuration as JSON, then stop"},
    END_OF_OPTIONS,
};

static const struct opt_group train_groups[] = {
    {"Run", train_options},
    {"Configuration (defaults < --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    END_OF_GROUPS,
};

static const char train_notes[] =
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

/* ---------------------------------------------------------------- eval */

static const struct opt eval_options[] = {
    {"run", "DIR", NULL, false, "the run to evaluate: its configuration and its last checkpoint"},
    {"classes", "LIST", NULL, true, "base, new, all, or several with commas between"},
    {"datasets", "LIST", NULL, true,
     "evaluate on these: names, main (the eleven), cross (without ImageNet), domain (its variants), all"},
    {"limit", "N", NULL, false, "N images, spread evenly over the list; never counts as finished"},
    {"per-class", NULL, NULL, false, "accuracy by class, macro-F1 and the confusion matrix"},
    {"untrained", NULL, NULL, false, "evaluate the prompts as they are before training"},
    {"json", "FILE", NULL, false, "write the result record there"},
    {"save-logits", "FILE", NULL, false,
     "write logits, labels and paths as safetensors; takes one of --classes"},
    {"trace", "FILE", NULL, false,
     "write what each image was taken for at n = 0..N, and how surely, as CSV; takes one of --classes"},
    {"out", "DIR", NULL, false, "folder for results.json; with --run: the run's"},
    END_OF_OPTIONS,
};

static const struct opt_group eval_groups[] = {
    {"Evaluation", eval_options},
    {"Configuration (defaults < --run or --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    END_OF_GROUPS,
};

static const char eval_notes[] =
    "Examples:\n"
    "  prompt eval --run runs/caltech101-s1 --data DIR\n"
    "  prompt eval --config configs/zeroshot.json --data DIR --dataset caltech101 --model FILE";

/* ---------------------------------------------------------------- grid, results, diff */

static const struct opt experiment_options[] = {
    {"table", "NAME", NULL, false, "1 to 5, figure8a to figure8d, fewshot; the keys of configs/tables.json"},
    {"methods", "LIST", NULL, true, "rows by name, as in CLIP,ProMPT; else all but the optional ones"},
    {"datasets", "LIST", NULL, true, "names, main, cross, domain or all; else those of the table"},
    {"seeds", "LIST", NULL, true, "1,2,3 if not given"},
    {"set", "KEY=VALUE", NULL, true, "over the key of every row; the table says so"},
    {"tables", "FILE", NULL, false, "the tables; else configs/tables.json of this program"},
    {"paper-rounding", NULL, NULL, false,
     "one decimal per seed, two for means, in the rows whose published cells were made so"},
    END_OF_OPTIONS,
};

static const struct opt grid_options[] = {
    {"out", "DIR", NULL, false, "folder of the runs and of the finished table"},
    {"name", "NAME", NULL, false,
     "of the table's files; else that of the table, and NAME-part for a part or other settings"},
    {"jobs", "N", NULL, false,
     "runs at a time, each with its share of cores and memory; 0: one per core; 1 if not given"},
    {"dry-run", NULL, NULL, false, "print the plan and the commands, then stop"},
    {"print-folders", NULL, NULL, false, "print the folder of every run, then stop"},
    {"max-steps", "N", NULL, false, "stop each training after N steps: a try, never a result"},
    {"limit", "N", NULL, false, "evaluate on N images of each list: a try, never a result"},
    {"data", "DIR", "data.root", false, NULL},
    {"model", "FILE", "model.path", false, NULL},
    END_OF_OPTIONS,
};
static const struct opt_group grid_groups[] = {
    {"Experiment", experiment_options}, {"Run", grid_options}, {"Machine", machine_options}, END_OF_GROUPS};

static const char grid_notes[] =
    "What is done already, by its records, configuration and weights, is not run again; what was "
    "interrupted\n"
    "goes on. A run that fails is named and the others go on.\n"
    "\n"
    "Example:\n"
    "  prompt grid --table 1 --datasets caltech101 --seeds 1 --data DIR --model FILE --out runs";

static const struct opt results_options[] = {
    {"format", "NAME", NULL, false, "markdown, csv or latex"},
    {"include-unfinished", NULL, NULL, false, "take records of unfinished or limited runs, too; labelled"},
    END_OF_OPTIONS,
};
static const struct opt_group results_groups[] = {
    {"Table", experiment_options}, {"Output", results_options}, END_OF_GROUPS};

static const char results_notes[] =
    "Reads every results.json below the folders. Without --table: every table for which something ran.\n"
    "\n"
    "Example:\n"
    "  prompt results runs --table 1 --format csv";

static const struct opt_group diff_groups[] = {END_OF_GROUPS};

/* ---------------------------------------------------------------- bench */

static const struct opt bench_options[] = {
    {"classes-file", "FILE", NULL, false, "class names, one a line; else those of --dataset"},
    {"n-classes", "K", NULL, false, "the first K of them"},
    {"batch", "B", NULL, false, "images a step (training.batch_size)"},
    {"mode", "LIST", NULL, true, "train, eval, or both with a comma between (both)"},
    {"repeats", "R", NULL, false, "timed steps after one that warms up (3)"},
    {"compare", "plain", NULL, false, "the plain encoder in turn with the fast one, and the ratio"},
    {"sweep", NULL, NULL, false, "vary K, batch, iterations, depth, threads one at a time; fit the estimate"},
    {"profile", NULL, NULL, false, "where the time of a step goes"},
    {"json", NULL, NULL, false, "print JSON"},
    END_OF_OPTIONS,
};

static const struct opt_group bench_groups[] = {
    {"Benchmark", bench_options},
    {"Configuration (defaults < --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    END_OF_GROUPS,
};

static const char bench_notes[] =
    "A step is timed on random pixels. GFLOP counts matrix products from their shapes; \"of peak\" is their\n"
    "rate against the best single product of the same shapes in the same run; \"estimate\" is what prompt\n"
    "train says of the step on a CPU; faults are page faults, reads those from the device to the host.\n"
    "\n"
    "Example:\n"
    "  prompt bench --model FILE --classes-file names.txt --n-classes 100 --precision bf16 --profile";

/* ---------------------------------------------------------------- pretrain */

static const struct opt pretrain_options[] = {
    {"out", "DIR", NULL, false, "folder of the run: recipe, log, checkpoint and model.safetensors"},
    {"captions", "FILE", "pretrain.captions", false, NULL},
    {"resume", NULL, NULL, false, "go on from the last checkpoint in --out"},
    {"force", NULL, NULL, false, "replace what stands in --out"},
    {"max-steps", "N", NULL, false, "stop after N steps with a checkpoint; such a run is not finished"},
    END_OF_OPTIONS,
};

static const struct opt pretrain_data_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, "measure zero-shot accuracy on it now and then"},
    {"seed", "S", "seed", false, "of the first weights, the pictures and their order"},
    END_OF_OPTIONS,
};

static const struct opt pretrain_machine_options[] = {
    {"device", "NAME", "device", false, NULL},
    {"threads", "N", "threads", false, NULL},
    {"quiet", NULL, NULL, false, "no progress and no notes on stderr; warnings and errors remain"},
    END_OF_OPTIONS,
};

static const struct opt_group pretrain_groups[] = {
    {"Run", pretrain_options},
    {"Configuration (defaults < --config < command line)", config_options},
    {"Data", pretrain_data_options},
    {"Machine", pretrain_machine_options},
    END_OF_GROUPS,
};

static const char pretrain_notes[] =
    "Without --captions the pictures and captions are drawn. A CSV file needs the header image,caption; its\n"
    "words must be those of the drawn world, or --set model.merges=FILE gives the model CLIP's vocabulary.\n"
    "\n"
    "Example:\n"
    "  prompt pretrain --config configs/mini/pretrain.json --out runs/mini";

/* ---------------------------------------------------------------- model */

static const struct opt model_init_options[] = {
    {"arch", "NAME", NULL, false, "ViT-B-32, ViT-B-16, ViT-L-14, ViT-L-14-336 or tiny"},
    {"seed", "S", NULL, false, "of the random weights (1)"},
    {"gain", "X", NULL, false, "factor on their standard deviations, to spread the features (1: CLIP's own)"},
    {"out", "FILE", NULL, false, "the safetensors file to write"},
    END_OF_OPTIONS,
};
static const struct opt_group model_init_groups[] = {{"Options", model_init_options}, END_OF_GROUPS};

static const struct opt model_info_options[] = {
    {"json", NULL, NULL, false, "print JSON"},
    {"no-hash", NULL, NULL, false, "do not read the whole file for its SHA-256 and known name"},
    END_OF_OPTIONS,
};
static const struct opt_group model_info_groups[] = {
    {"Options", model_info_options}, {"Configuration", weights_options}, END_OF_GROUPS};

static const struct opt model_convert_options[] = {
    {"out", "FILE", NULL, false, "the safetensors file to write"},
    END_OF_OPTIONS,
};
static const struct opt_group model_convert_groups[] = {
    {"Options", model_convert_options}, {"Configuration", weights_options}, END_OF_GROUPS};

/* ---------------------------------------------------------------- data, config, version */

static const struct opt data_split_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, NULL},
    {"set", "KEY=VALUE", NULL, true, "data.split_file, data.image_dir, data.split_seed"},
    {"shots", "K", "data.shots", false, NULL},
    {"seed", "S", "seed", false, "of the few-shot sample"},
    {"json", NULL, NULL, false,
     "print every item: {\"train\": {\"all\": [[path, label, name], ...], ...}, ...}"},
    END_OF_OPTIONS,
};
static const struct opt_group data_split_groups[] = {{"Options", data_split_options}, END_OF_GROUPS};

static const char data_split_notes[] =
    "train and val are the few-shot samples (val: at most 4 a class), test is the whole list. Labels of "
    "base\n"
    "and new count from 0 in each half. Paths are relative to the data set's image folder.";

static const struct opt data_synth_options[] = {
    {"seed", "S", NULL, false, "of the pictures (1)"},
    {"world", "NAME", NULL, true,
     "test; dev for choosing rates: other pairs of words, other cameras; or seen: words of "
     "pre-training (test)"},
    {"layouts", "LIST", NULL, true, "the data sets to draw, names with commas between (all fifteen)"},
    {"folder", NULL, NULL, false, "plain folders instead: DIR/{train,val,test}/CLASS/*.png"},
    {"px", "N", NULL, false, "pixels a side (64)"},
    {"per-class", "N", NULL, false, "training and test pictures of a class each; val has a quarter (20)"},
    {"force", NULL, NULL, false, "replace a world of an earlier run"},
    {"sheet", NULL, NULL, false,
     "instead, draw some pictures of each data set into one PNG file of this name"},
    END_OF_OPTIONS,
};
static const struct opt_group data_synth_groups[] = {{"Options", data_synth_options}, END_OF_GROUPS};

static const char data_synth_notes[] =
    "Draws small copies of the data sets, each with a family of concepts of its own. Classes are pairs of\n"
    "words that never meet in the pictures that prompt pretrain draws. The same seed gives the same "
    "pictures\n"
    "on every machine.\n"
    "\n"
    "Examples:\n"
    "  prompt data synth world --seed 1\n"
    "  prompt data synth world.png --sheet";

static const struct opt data_check_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, "one data set, or all (the default): those of the paper"},
    {"set", "KEY=VALUE", NULL, true, "data.split_file, data.image_dir, data.split_seed"},
    {"deep", NULL, NULL, false, "decode every image, too"},
    {"json", NULL, NULL, false, "print JSON"},
    {"quiet", NULL, NULL, false, "no progress on stderr"},
    END_OF_OPTIONS,
};
static const struct opt_group data_check_groups[] = {{"Options", data_check_options}, END_OF_GROUPS};

static const char data_check_notes[] =
    "One line for each data set: complete, not the published split, incomplete, or not there; the counts, "
    "what\n"
    "is missing, where it was looked for and where it can be had. Nothing is written. Exit status 1 if a "
    "data\n"
    "set is not complete; with all, those that are not there do not count.";

static const struct opt data_list_options[] = {
    {"json", NULL, NULL, false, "print JSON"},
    END_OF_OPTIONS,
};
static const struct opt_group data_list_groups[] = {{"Options", data_list_options}, END_OF_GROUPS};

static const struct opt config_command_options[] = {
    {"config", "FILE", NULL, false, "print this configuration in full, as JSON, with what it extends"},
    {"set", "KEY=VALUE", NULL, true, "set a key of it"},
    {"markdown", NULL, NULL, false, "print the table of configs/README.md"},
    END_OF_OPTIONS,
};
static const struct opt_group config_groups[] = {{"Options", config_command_options}, END_OF_GROUPS};

static const struct opt_group no_groups[] = {END_OF_GROUPS};

/* ---------------------------------------------------------------- commands */

const struct command commands[] = {
    {"train", NULL, NULL, cmd_train, train_groups, "train prompts on a few-shot set", train_notes},
    {"eval", NULL, NULL, cmd_eval, eval_groups,
     "accuracy of a run, or of CLIP itself, on base, new or all classes", eval_notes},
    {"grid", NULL, NULL, cmd_grid, grid_groups,
     "run an experiment of the paper: methods, data sets and seeds", grid_notes},
    {"results", NULL, "DIR...", cmd_results, results_groups,
     "tables over runs, with the paper's numbers beside them", results_notes},
    {"diff", NULL, "RUN RUN", cmd_diff, diff_groups,
     "in what two runs differ: keys, digests, versions, numbers", NULL},
    {"bench", NULL, NULL, cmd_bench, bench_groups, "time a training step and an evaluation", bench_notes},
    {"pretrain", NULL, NULL, cmd_pretrain, pretrain_groups, "train a small CLIP from nothing",
     pretrain_notes},
    {"model", "init", NULL, cmd_model_init, model_init_groups,
     "write a randomly initialized CLIP, for tests and benchmarks", NULL},
    {"model", "info", "FILE", cmd_model_info, model_info_groups,
     "architecture, parameters and origin of CLIP weights", NULL},
    {"model", "convert", "FILE", cmd_model_convert, model_convert_groups,
     "write CLIP weights as safetensors with OpenAI's names", NULL},
    {"data", "list", NULL, cmd_data_list, data_list_groups,
     "the data sets: names, classes, images, templates", NULL},
    {"data", "check", NULL, cmd_data_check, data_check_groups,
     "whether data sets are complete, and if not, why", data_check_notes},
    {"data", "split", NULL, cmd_data_split, data_split_groups,
     "show the few-shot sample and the base/new halves", data_split_notes},
    {"data", "synth", "DIR", cmd_data_synth, data_synth_groups,
     "draw a world of pictures in the layouts of the data sets", data_synth_notes},
    {"config", NULL, NULL, cmd_config, config_groups,
     "list every key with its type, default and range, or print a preset in full", NULL},
    {"version", NULL, NULL, cmd_version, no_groups, "versions and devices, as prompt --version", NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
