/* prompt data split: the few-shot sample and the base/new halves, as a summary or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "prompt/base/json_write.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/fewshot.h"
#include "prompt/run/session.h"

/* ---------------------------------------------------------------- options */

static const struct opt split_options[] = {
    {"data", "DIR", "data.root", false, NULL},
    {"dataset", "NAME", "data.dataset", false, NULL},
    {"set", "KEY=VALUE", NULL, true, "data.split_file, data.image_dir, data.split_seed"},
    {"shots", "K", "data.shots", false, NULL},
    {"seed", "S", "seed", false, "seed of the few-shot sample"},
    {"json", NULL, NULL, false,
     "print every item: {\"train\": {\"all\": [[path, label, name], ...], ...}, ...}"},
    {.name = NULL},
};
static const struct opt_group groups[] = {{"Options", split_options}, {.title = NULL}};

static const char notes[] =
    "train and val are the few-shot samples (val: at most 4 a class), test is the whole list. Labels of "
    "base\n"
    "and new count from 0 in each half. Paths are relative to the data set's image folder.\n"
    "\n"
    "Examples:\n"
    "  prompt data split --data DIR --dataset caltech101 --shots 16 --seed 1\n"
    "  prompt data split --data DIR --dataset caltech101 --shots 16 --seed 1 --json";

struct split {
    struct dataset *dataset;
    struct item_list train, val; /* the sample */
};

/* ---------------------------------------------------------------- JSON */

/* "base": [[path, label, name], ...] */
static int append_items(struct str *out, const struct dataset *d, const struct item_list *list,
                        enum class_subset subset)
{
    struct item_list part = {0};
    int64_t first_label = 0;
    int64_t n_labels = 0;
    int status = item_list_subset(&part, list, subset, d->n_classes);
    class_subset_range(&first_label, &n_labels, subset, d->n_classes);
    json_open(out, class_subset_names[subset], '[');
    for (size_t i = 0; status == OK && i < part.n; i++) {
        const struct item *item = &part.items[i];
        json_open(out, NULL, '[');
        json_put_string(out, NULL, item->path);
        json_put_i64(out, NULL, item->label);
        json_put_string(out, NULL, d->class_names[first_label + item->label]);
        json_close(out, ']');
    }
    json_close(out, ']');
    item_list_free(&part);
    return status;
}

static int append_part(struct str *out, const struct dataset *d, const char *name,
                       const struct item_list *list)
{
    int status = OK;
    json_open(out, name, '{');
    for (int subset = CLASS_SUBSET_ALL; status == OK && subset <= CLASS_SUBSET_NEW; subset++)
        status = append_items(out, d, list, (enum class_subset)subset);
    json_close(out, '}');
    return status;
}

static int append_json(struct str *out, const struct split *split)
{
    const struct dataset *d = split->dataset;
    int status = OK;
    json_open(out, NULL, '{');
    if ((status = append_part(out, d, "train", &split->train)) == OK &&
        (status = append_part(out, d, "val", &split->val)) == OK)
        status = append_part(out, d, "test", &d->test);
    str_append(out, "}\n");
    return status;
}

/* ---------------------------------------------------------------- summary */

static int append_counts(struct str *out, const struct dataset *d, const char *name,
                         const struct item_list *list)
{
    str_appendf(out, "%-8s", name);
    for (int subset = CLASS_SUBSET_ALL; subset <= CLASS_SUBSET_NEW; subset++) {
        struct item_list part = {0};
        int status = item_list_subset(&part, list, (enum class_subset)subset, d->n_classes);
        str_appendf(out, "  %8zu", part.n);
        item_list_free(&part);
        if (status != OK)
            return status;
    }
    str_append(out, "\n");
    return OK;
}

static int append_summary(struct str *out, const struct split *split, const struct config *c)
{
    const struct dataset *d = split->dataset;
    str_appendf(out, "%s: %" PRId64 " %s, images in %s\n", d->name, d->n_classes,
                plural((size_t)d->n_classes, "class", "classes"), d->image_dir);
    if (c->data_shots > 0)
        str_appendf(out, "train and val: %" PRId64 " %s, seed %" PRId64 "\n", c->data_shots,
                    plural((size_t)c->data_shots, "shot", "shots"), c->seed);
    str_appendf(out, "%-8s  %8s  %8s  %8s\n", "images", "all", "base", "new");
    int status = OK;
    if ((status = append_counts(out, d, "train", &split->train)) == OK &&
        (status = append_counts(out, d, "val", &split->val)) == OK)
        status = append_counts(out, d, "test", &d->test);
    str_appendf(out, "%-8s", "classes");
    for (int subset = CLASS_SUBSET_ALL; subset <= CLASS_SUBSET_NEW; subset++) {
        int64_t first = 0;
        int64_t n = 0;
        class_subset_range(&first, &n, (enum class_subset)subset, d->n_classes);
        str_appendf(out, "  %8" PRId64, n);
    }
    str_append(out, "\n");
    return status;
}

/* ---------------------------------------------------------------- the command */

static int open_split(struct split *out, const struct config *c)
{
    const struct dataset_options options = config_dataset_options(c, c->data_dataset);
    int status = dataset_open(&out->dataset, &options);
    if (status == OK && out->dataset->layout.len > 0)
        fprintf(stderr, "%s: %s\n", out->dataset->name, str_text(&out->dataset->layout));
    if (status == OK)
        status = fewshot_sample(&out->train, &out->val, out->dataset, c->data_shots, (uint32_t)c->seed);
    return status;
}

static int print_split(const struct config *c, bool is_json)
{
    struct split split = {0};
    struct str text = {0};
    int status = OK;
    if ((status = open_split(&split, c)) == OK &&
        (status = (is_json ? append_json(&text, &split) : append_summary(&text, &split, c))) == OK)
        status = cmd_print(&text);
    str_free(&text);
    item_list_free(&split.train);
    item_list_free(&split.val);
    dataset_free(split.dataset);
    return status;
}

static int cmd_data_split(const struct opt_values *v)
{
    struct config c = {0};
    int status = opt_resolve(&c, v, NULL);
    if (status == OK && !opt_given(v, "data") && strcmp(c.data_dataset, "csv") != 0)
        status = error_set(ERR_USAGE, "no data folder is given: pass --data DIR");
    if (status == OK && !opt_given(v, "dataset"))
        status = error_set(ERR_USAGE, "no data set is given: pass --dataset NAME");
    if (status == OK)
        status = print_split(&c, opt_given(v, "json"));
    config_free(&c);
    return status;
}

const struct command command_data_split = {
    "data", "split", NULL, cmd_data_split, groups, "show the few-shot sample and the base/new halves", notes};
