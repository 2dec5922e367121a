/* The plan of a grid. */
#include "prompt/grid/grid.h"

#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "prompt/base/array.h"

void grid_close(struct grid *g)
{
    for (size_t i = 0; i < g->n_jobs; i++)
        grid_job_free(&g->jobs[i]);
    free(g->jobs);
    grid_setup_free(&g->setup);
    *g = (struct grid){0};
}

size_t grid_count(const struct grid *g, enum grid_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_jobs; i++)
        n += g->jobs[i].state == state;
    return n;
}

/* ---------------------------------------------------------------- jobs */

/* A job without training images is reported; the others continue. */
static int plan_job(struct grid_job *job, struct grid_setup *s)
{
    int status = grid_job_update(job, s);
    if (status != OK || job->state != GRID_TO_RUN)
        return status;
    status = grid_job_weigh(job, s);
    if (status == OK || status == ERR_MEMORY)
        return status;
    job->state = GRID_NO_DATA;
    return grid_setup_add_reason(s);
}

/* Rows that show several iterations of a run have one job. */
static bool is_planned(const struct grid *g, const char *name)
{
    for (size_t i = 0; i + 1 < g->n_jobs; i++)
        if (strcmp(g->jobs[i].name, name) == 0)
            return true;
    return false;
}

/* The data sets of a job's evaluation: its own, or all that are asked for if there is a source. */
static int choose_targets(struct str_list *out, const struct grid_setup *s, const char *dataset)
{
    const bool has_source = s->experiment->source[0] != '\0';
    const struct str_list *wanted = s->options->datasets;
    int status = OK;
    for (size_t i = 0; status == OK && i < s->there.n; i++) {
        const char *name = s->there.items[i];
        if (has_source ? wanted->n == 0 || str_list_has(wanted, name) : strcmp(name, dataset) == 0)
            status = str_list_add(out, name);
    }
    return status;
}

/* Sets `trains` to whether the seed makes a difference. */
static int add_job(bool *trains, struct grid *g, const struct experiment_row *row, const char *dataset,
                   int64_t seed)
{
    struct grid_setup *s = &g->setup;
    int status = array_grow(&g->jobs, g->n_jobs, sizeof *g->jobs);
    if (status != OK)
        return status;
    struct grid_job *job = &g->jobs[g->n_jobs++];
    *job = (struct grid_job){.row = row};
    if ((status = experiment_config(&job->config, s->experiment, row, dataset, s->options->sets)) != OK)
        return status;
    *trains = config_trains(&job->config);
    if (*trains)
        job->config.seed = seed;
    if ((status = choose_targets(&job->targets, s, dataset)) != OK ||
        (status = grid_folder_name(&job->folder, row, &job->config, s->options->out_dir)) != OK)
        return status;
    job->name = str_dup(job->folder + strlen(s->options->out_dir) + 1);
    if (!job->name)
        return ERR_MEMORY;
    const struct str_list *only = s->options->only;
    if (!is_planned(g, job->name) && (!only || str_list_has(only, job->name)))
        return plan_job(job, s);
    grid_job_free(&g->jobs[--g->n_jobs]);
    return OK;
}

/* The seeds of a row on a data set: one if nothing is trained. */
static int add_seeds(struct grid *g, const struct experiment_row *row, const char *dataset)
{
    const struct grid_options *o = g->setup.options;
    int status = OK;
    bool trains = true;
    for (size_t s = 0; status == OK && trains && s < o->n_seeds; s++)
        status = add_job(&trains, g, row, dataset, o->seeds[s]);
    return status;
}

static int add_jobs(struct grid *g)
{
    const struct experiment *x = g->setup.experiment;
    const struct str_list *wanted = g->setup.options->datasets;
    const bool has_source = x->source[0] != '\0';
    int status = OK;
    for (size_t d = 0; status == OK && d < (has_source ? 1 : x->datasets.n); d++) {
        const char *dataset = x->datasets.items[d];
        if (!has_source && wanted->n > 0 && !str_list_has(wanted, dataset))
            continue;
        for (size_t r = 0; status == OK && r < x->n_rows; r++)
            status = add_seeds(g, &x->rows[r], dataset);
    }
    return status;
}

int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options,
              const struct grid_model *model)
{
    *out = (struct grid){0};
    int status = grid_setup_open(&out->setup, x, options, model);
    if (status == OK)
        status = add_jobs(out);
    grid_setup_close_data(&out->setup);
    if (status != OK)
        grid_close(out);
    return status;
}
