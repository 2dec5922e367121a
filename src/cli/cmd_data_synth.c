/* prompt data synth: a world of drawn pictures in place of real data sets. */
#include <stdlib.h>

#include "cmd.h"
#include "prompt/base/interrupt.h"
#include "prompt/world/world.h"

/* ---------------------------------------------------------------- options */

static const struct opt synth_options[] = {
    {"seed", "S", NULL, false, "seed of the pictures (1)"},
    {"world", "NAME", NULL, true,
     "test; dev, to choose rates on: other pairs of words, other cameras; or seen: words of pre-training "
     "(test)"},
    {"layouts", "LIST", NULL, true, "the data sets to draw, separated by commas (all fifteen)"},
    {"folder", NULL, NULL, false, "plain folders instead: DIR/{train,val,test}/CLASS/*.png"},
    {"px", "N", NULL, false, "pixels a side (64)"},
    {"per-class", "N", NULL, false,
     "training pictures of a class, and as many test pictures; val has a quarter (20)"},
    {"force", NULL, NULL, false, "replace a world of an earlier run"},
    {"sheet", NULL, NULL, false,
     "instead, draw some pictures of each data set into one PNG file of this name"},
    {.name = NULL},
};
static const struct opt_group groups[] = {{"Options", synth_options}, {.title = NULL}};

static const char notes[] =
    "Draws small copies of the data sets, each with a family of concepts of its own. Classes are pairs of\n"
    "words that never meet in the pictures that prompt pretrain draws. The same seed gives the same "
    "pictures\n"
    "on every machine.\n"
    "\n"
    "Examples:\n"
    "  prompt data synth world --seed 1\n"
    "  prompt data synth world.png --sheet";

static const struct world_options defaults = {.kind = WORLD_TEST, .seed = 1, .px = 64, .n_per_class = 20};

static size_t n_sets(void)
{
    size_t n = 0;
    while (world_set_names()[n])
        n++;
    return n;
}

static int read_kind(enum world_kind *out, const struct opt_values *v)
{
    bool chosen[3] = {false};
    int n_chosen = 0;
    int status = opt_choose(chosen, v, "world", world_kind_names);
    for (int kind = WORLD_TEST; kind <= WORLD_SEEN; kind++) {
        if (chosen[kind])
            *out = (enum world_kind)kind;
        n_chosen += chosen[kind];
    }
    return status == OK && n_chosen > 1 ? error_set(ERR_USAGE, "--world takes one of its names") : status;
}

static int read_options(struct world_options *out, const struct opt_values *v)
{
    *out = defaults;
    int64_t seed = (int64_t)defaults.seed;
    int status = OK;
    if ((status = read_kind(&out->kind, v)) == OK &&
        (status = opt_i64(&seed, v, "seed", 0, INT64_MAX)) == OK &&
        (status = opt_i64(&out->px, v, "px", WORLD_PX_MIN, WORLD_PX_MAX)) == OK)
        status = opt_i64(&out->n_per_class, v, "per-class", 1, 9999);
    out->seed = (uint64_t)seed;
    return status;
}

/* Chooses all layouts except plain folders, unless options choose otherwise. */
static int read_wanted(bool *wanted, const struct opt_values *v)
{
    const bool is_folder = opt_given(v, "folder");
    if (is_folder && opt_given(v, "layouts"))
        return error_set(ERR_USAGE, "--folder and --layouts exclude each other");
    if (opt_given(v, "layouts"))
        return opt_choose(wanted, v, "layouts", world_set_names());
    for (size_t i = 0; i < n_sets(); i++)
        wanted[i] = (i + 1 == n_sets()) == is_folder; /* "folder" is the last */
    return OK;
}

static int cmd_data_synth(const struct opt_values *v)
{
    struct world_options options;
    bool *wanted = calloc(n_sets() + 1, sizeof *wanted); /* never of size zero */
    int status = wanted ? read_options(&options, v) : error_out_of_memory();
    if (status == OK)
        status = read_wanted(wanted, v);
    const bool replace = opt_given(v, "force");
    if (status == OK && opt_given(v, "sheet")) {
        status = world_write_sheet(v->operand, wanted, &options, 24, replace);
    } else if (status == OK) {
        interrupt_install();
        status = world_write(v->operand, wanted, &options, replace, interrupt_requested);
    }
    free(wanted);
    return status;
}

const struct command command_data_synth = {"data", "synth",
                                           "DIR",  cmd_data_synth,
                                           groups, "draw a world of pictures in the layouts of the data sets",
                                           notes};
