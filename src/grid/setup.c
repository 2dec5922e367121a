/* The data sets of a grid, and the digests that their records must have. */
#include "prompt/grid/setup.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"

const struct grid_data *grid_setup_find(const struct grid_setup *s, const char *name)
{
    for (size_t i = 0; i < s->n_data; i++)
        if (strcmp(s->data[i].name, name) == 0)
            return &s->data[i];
    return NULL;
}

int grid_setup_add_reason(struct grid_setup *s)
{
    return str_list_has(&s->reasons, error_message()) ? OK : str_list_add(&s->reasons, error_message());
}

/* The images of an evaluation of these classes. */
static int look_at_list(struct grid_list *out, const struct grid_setup *s, const struct dataset *d,
                        enum class_subset subset)
{
    struct item_list all = {0};
    struct item_list items = {0};
    int64_t first = 0;
    class_subset_range(&first, &out->n_classes, subset, d->n_classes);
    int status = item_list_subset(&all, &d->test, subset, d->n_classes);
    if (status == OK && all.n == 0)
        status = error_set(ERR_FORMAT, "data set '%s': the %s classes have no test images", d->name,
                           class_subset_names[subset]);
    if (status == OK)
        status = item_list_limit(&items, &all, s->options->limit);
    out->n_images = (int64_t)items.n;
    if (status == OK && (status = item_list_digest(out->images, &items)) == OK)
        status = class_names_digest(out->class_names, d->class_names + first, out->n_classes);
    item_list_free(&items);
    item_list_free(&all);
    return status;
}

/* Lists, and every image of the evaluation. */
static int open_data(struct grid_data *out, const struct grid_setup *s, const struct config *c)
{
    const bool halves = s->experiment->has_halves;
    const struct dataset_options options = config_dataset_options(c, out->name);
    int status = dataset_open(&out->dataset, &options);
    if (status == OK)
        status = dataset_find_files(out->dataset, &out->dataset->test);
    for (int i = 0; status == OK && i < GRID_N_SUBSETS; i++)
        if ((i != CLASS_SUBSET_ALL) == halves)
            status = look_at_list(&out->lists[i], s, out->dataset, (enum class_subset)i);
    if (status != OK) {
        dataset_free(out->dataset);
        out->dataset = NULL;
    }
    return status;
}

static int open_all(struct grid_setup *s, const struct config *c)
{
    const struct experiment *x = s->experiment;
    const struct str_list *wanted = s->options->datasets;
    int status = OK;
    for (size_t d = 0; status == OK && d < x->datasets.n; d++) {
        const char *name = x->datasets.items[d];
        if (wanted->n > 0 && !str_list_has(wanted, name) && strcmp(name, x->source) != 0)
            continue;
        struct grid_data data = {.name = name};
        status = open_data(&data, s, c);
        if (status == OK)
            s->data[s->n_data++] = data;
        if (status == ERR_MEMORY)
            return status;
        struct str_list *names = status == OK ? &s->there : &s->absent;
        if (status == OK || (status = grid_setup_add_reason(s)) == OK)
            status = str_list_add(names, name);
    }
    return status;
}

int grid_setup_open(struct grid_setup *out, const struct experiment *x, const struct grid_options *options,
                    const struct grid_model *model)
{
    struct config c = {0}; /* says where the data are, as that of any row does */
    *out = (struct grid_setup){.experiment = x, .options = options, .model = model};
    out->data = calloc(x->datasets.n + 1, sizeof *out->data);
    if (!out->data)
        return error_out_of_memory();
    int status = experiment_config(&c, x, &x->rows[0], x->datasets.items[0], options->sets);
    if (status == OK)
        status = open_all(out, &c);
    config_free(&c);
    return status;
}

void grid_setup_close_data(struct grid_setup *s)
{
    for (size_t i = 0; i < s->n_data; i++) {
        dataset_free(s->data[i].dataset);
        s->data[i].dataset = NULL;
    }
}

void grid_setup_free(struct grid_setup *s)
{
    grid_setup_close_data(s);
    free(s->data);
    str_list_free(&s->there);
    str_list_free(&s->absent);
    str_list_free(&s->reasons);
    *s = (struct grid_setup){0};
}
