/* The data sets of a grid: whether their images are there, and what records of them must say. */
#include <stdlib.h>
#include <string.h>

#include "grid_internal.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"

const struct grid_data *grid_data_find(const struct grid *g, const char *name)
{
    for (size_t i = 0; i < g->n_data; i++)
        if (strcmp(g->data[i].name, name) == 0)
            return &g->data[i];
    return NULL;
}

int grid_add_reason(struct grid *g)
{
    return str_list_has(&g->reasons, error_message()) ? OK : str_list_add(&g->reasons, error_message());
}

/* What an evaluation of these classes will have looked at. */
static int look_at_list(struct grid_list *out, const struct grid *g, const struct dataset *d,
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
        status = item_list_limit(&items, &all, g->options->limit);
    out->n_images = (int64_t)items.n;
    if (status == OK && (status = item_list_digest(out->images, &items)) == OK)
        status = class_names_digest(out->class_names, d->class_names + first, out->n_classes);
    item_list_free(&items);
    item_list_free(&all);
    return status;
}

/* Lists, and every image of the evaluation. */
static int open_data(struct grid_data *out, const struct grid *g, const struct config *c)
{
    const bool halves = g->experiment->has_halves;
    const struct dataset_options options = config_dataset_options(c, out->name);
    int status = dataset_open(&out->dataset, &options);
    if (status == OK)
        status = dataset_find_files(out->dataset, &out->dataset->test);
    for (int i = 0; status == OK && i < GRID_N_SUBSETS; i++)
        if ((i != CLASS_SUBSET_ALL) == halves)
            status = look_at_list(&out->lists[i], g, out->dataset, (enum class_subset)i);
    if (status != OK) {
        dataset_free(out->dataset);
        out->dataset = NULL;
    }
    return status;
}

int grid_open_data(struct grid *g, const struct config *c)
{
    const struct experiment *x = g->experiment;
    const struct str_list *wanted = g->options->datasets;
    g->data = calloc(x->datasets.n + 1, sizeof *g->data);
    if (!g->data)
        return error_out_of_memory();
    int status = OK;
    for (size_t d = 0; status == OK && d < x->datasets.n; d++) {
        const char *name = x->datasets.items[d];
        if (wanted->n > 0 && !str_list_has(wanted, name) && strcmp(name, x->source) != 0)
            continue;
        struct grid_data data = {.name = name};
        status = open_data(&data, g, c);
        if (status == ERR_MEMORY)
            break;
        const bool is_there = status == OK;
        status = is_there ? OK : grid_add_reason(g);
        if (is_there)
            g->data[g->n_data++] = data;
        if (status == OK)
            status = str_list_add(is_there ? &g->there : &g->absent, name);
    }
    return status;
}

void grid_close_data(struct grid *g)
{
    for (size_t i = 0; i < g->n_data; i++) {
        dataset_free(g->data[i].dataset);
        g->data[i].dataset = NULL;
    }
}

/* ---------------------------------------------------------------- work */

/* A trained image costs about as much as three evaluated ones: forward, backward, and what is computed again.
 */
static const double TRAINING = 3.0;

static int weigh_training(struct grid_job *job, const struct grid *g)
{
    const struct config *c = &job->config;
    const struct grid_data *data = grid_data_find(g, c->data_dataset);
    struct item_list sample = {0};
    int64_t first = 0, n_classes = 0;
    if (!data) /* no job is planned on what is not there */
        return OK;
    int status = config_draw_sample(&sample, c, data->dataset);
    class_subset_range(&first, &n_classes, c->data_classes, data->dataset->n_classes);
    double n_images = (double)sample.n * (double)c->epochs;
    const double limit = (double)g->options->max_steps * (double)c->batch_size;
    if (limit > 0 && limit < n_images)
        n_images = limit;
    job->work += TRAINING * n_images * (double)n_classes;
    item_list_free(&sample);
    return status;
}

int grid_weigh(struct grid_job *job, const struct grid *g)
{
    job->work = 0.0;
    for (size_t i = 0; i < job->unscored.n; i++) {
        const struct grid_data *data = grid_data_find(g, job->unscored.items[i]);
        for (int s = 0; s < GRID_N_SUBSETS; s++)
            job->work += (double)data->lists[s].n_images * (double)data->lists[s].n_classes;
    }
    return job->must_train ? weigh_training(job, g) : OK;
}
