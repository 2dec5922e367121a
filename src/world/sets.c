/*
 * The table of data sets.
 *
 * Folder names, files and the style of class names are those of the real sets, quirks included. Each set has
 * its own family of concepts, and a camera unseen in pre-training: learned prompts can close this gap.
 */
#include "sets.h"

#include <inttypes.h>
#include <string.h>

/* ---------------------------------------------------------------- cameras */

/* clang-format off */
#define CAMERA_TINTED CAMERA_PLAIN, .hue = 0.37F, .contrast = 0.15F, .lift = 0.05F, .noise = 0.06F
#define CAMERA_SHIFTED CAMERA_PLAIN, .hue = 0.38F, .scan = 0.2F, .noise = 0.06F
#define CAMERA_MOONLIT .gain = {0.42F, 0.62F, 0.8F}, .noise = 0.1F, .lift = 0.03F
#define CAMERA_TURNED CAMERA_PLAIN, .hue = -0.38F, .blocks = 0.3F, .noise = 0.06F
#define CAMERA_DUSK .gain = {0.82F, 0.6F, 0.4F}, .noise = 0.1F, .lift = 0.03F
#define CAMERA_FLAT CAMERA_PLAIN, .levels = 7, .grey = 0.5F, .blocks = 0.6F, .noise = 0.06F
#define CAMERA_SCREEN CAMERA_PLAIN, .blur = 1, .contrast = 0.18F, .scan = 0.24F, .vignette = 0.24F, .noise = 0.03F
#define CAMERA_COARSE CAMERA_PLAIN, .blocks = 0.45F, .contrast = 0.12F, .noise = 0.05F
#define CAMERA_HAZED CAMERA_PLAIN, .blur = 1, .contrast = 0.27F, .lift = 0.07F, .noise = 0.04F
#define CAMERA_SODIUM .gain = {1.0F, 0.82F, 0.64F}, .lift = 0.03F, .noise = 0.05F, .vignette = 0.18F
#define CAMERA_SUBMERGED .gain = {0.36F, 0.61F, 0.85F}, .lift = 0.04F, .noise = 0.06F
#define CAMERA_TRACED CAMERA_PLAIN, .edges = 0.5F, .noise = 0.02F
#define CAMERA_INTERLACED CAMERA_PLAIN, .scan = 0.7F, .noise = 0.03F
/* Variation of exposure, cast and contrast between pictures, so that mean colours tell little: the more
 * variation, the more the classes of a family differ in colour. */
#define CALM .unsteady = 0.25F
#define FITFUL .unsteady = 0.5F
/* Negatives move the mean of a class towards grey. Half of the pictures would still reveal a landscape by its
 * skyline, unless these vary, too. */
#define FICKLE FITFUL, .negatives = 0.2F
#define WILD FITFUL, .negatives = 0.5F
#define SHAKEN FITFUL, .negatives = 0.4F, .shake = 0.2F
/* clang-format on */

/* ---------------------------------------------------------------- the table */

#define SET(...) {__VA_ARGS__},
const struct world_set world_sets[] = {
#include "sets.def"
};
#undef SET

#define SET(name, ...) name,
static const char *const set_names[] = {
#include "sets.def"
    NULL};
#undef SET

enum { N_SETS = sizeof world_sets / sizeof world_sets[0] };

size_t world_n_sets(void)
{
    return N_SETS;
}

const char *const *world_set_names(void)
{
    return set_names;
}

const char *const world_kind_names[4] = {"test", "dev", "seen", NULL};
const char *const set_part_names[N_PARTS] = {"train", "val", "test"};

/* ---------------------------------------------------------------- classes */

int set_classes(struct set_class out[MAX_CLASSES], const struct world_set *set, enum world_kind kind)
{
    static const enum pair_use uses[] = {PAIR_TEST, PAIR_DEV, PAIR_CONTROL};
    const enum pair_use use = uses[kind];
    const int n_first = (int)axis_size(set->first);
    const int n_second = (int)axis_size(set->second);
    const int n_diagonals = n_first > n_second ? n_first : n_second;
    int n = 0;
    int id = 0;
    for (int d = 0; d < n_diagonals; d++) {
        for (int a = 0; a < n_first; a++) {
            const int b = (d + n_diagonals - a) % n_diagonals;
            if (b >= n_second || pair_use(set->first, a, set->second, b) != use)
                continue;
            int fifth = id % 5 - set->fifths_from;
            if (fifth >= 0 && fifth < set->fifths) {
                out[n] = (struct set_class){a, b, n, id};
                n++;
            }
            id++;
        }
    }
    return n;
}

/* ---------------------------------------------------------------- names */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Letters after a space may become capitals; paths lose their spaces. */
static void append_word(struct str *out, const char *word, bool has_capitals, bool has_spaces)
{
    bool is_first = true;
    for (; *word; word++) {
        if (*word == ' ')
            is_first = true;
        if (*word != ' ' || has_spaces)
            str_append_char(out, is_first && has_capitals ? upper(*word) : *word);
        if (*word != ' ')
            is_first = false;
    }
}

static void append_id(struct str *out, const struct set_class *class)
{
    str_appendf(out, "n%08d", 1440764 + class->id * 20011);
}

/* The folder of a part: ImageNet's test pictures are in val, and the cars have no val folder. */
static const char *part_folder(const struct world_set *set, enum set_part part)
{
    if (set->layout == SET_FOLDER)
        return set_part_names[part];
    if (part == PART_TEST)
        return set->layout == SET_IMAGENET ? "val" : "test";
    return "train";
}

/* Expands a template; `item` is NULL for a class name. */
static int expand(struct str *out, const char *template, const struct world_set *set,
                  const struct set_class *class, const struct set_item *item)
{
    const char *first = axis_words[set->first][class->a].name;
    const char *second = axis_words[set->second][class->b].name;
    str_clear(out);
    for (const char *c = template; *c; c++) {
        if (*c != '%') {
            str_append_char(out, *c);
            continue;
        }
        c++;
        if (*c == 'w' || *c == 'W')
            append_word(out, first, *c == 'W', !item);
        else if (*c == 'v' || *c == 'V')
            append_word(out, second, *c == 'V', !item);
        else if (*c == 'l')
            str_append_char(out, second[0]);
        else if (*c == 'i')
            append_id(out, class);
        else if (*c == 'k')
            str_appendf(out, "%d", class->label);
        else if (item && *c == 'n')
            str_appendf(out, "%04" PRId64, item->n + 1);
        else if (item && *c == 'g')
            str_appendf(out, "%05" PRId64, item->number + 1);
        else if (item && *c == 'p')
            str_append(out, part_folder(set, item->part));
    }
    return str_status(out);
}

int set_class_id(struct str *out, const struct set_class *class)
{
    str_clear(out);
    append_id(out, class);
    return str_status(out);
}

int set_class_name(struct str *out, const struct world_set *set, const struct set_class *class)
{
    return expand(out, set->class_name, set, class, NULL);
}

int set_item_path(struct str *out, const struct world_set *set, const struct set_item *item)
{
    return expand(out, set->path, set, item->class, item);
}

/* ---------------------------------------------------------------- pictures */

int set_item_draw(uint8_t *rgb, const struct world_set *set, const struct set_item *item,
                  const struct world_options *options)
{
    struct canvas canvas;
    int status = canvas_init(&canvas, options->px);
    if (status != OK)
        return status;
    const uint64_t stream = STREAM_SETS + (uint64_t)options->kind * N_SETS + (uint64_t)(set - world_sets);
    struct rng r;
    rng_init(&r, options->seed, RNG_WORLD, stream, (uint64_t)item->class->id << 32 | (uint64_t)item->n);
    struct scene scene = scene_of(set->subject);
    scene.difficulty = set->difficulty;
    scene.traits.value[set->first] = item->class->a;
    scene.traits.value[set->second] = item->class->b;
    scene_complete(&scene, &r);
    scene_draw(&canvas, &scene, &set->cameras[options->kind == WORLD_DEV], &r);
    canvas_read(rgb, &canvas);
    canvas_free(&canvas);
    return OK;
}
