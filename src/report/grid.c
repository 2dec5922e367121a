/* The plan of a grid. */
#include <stdlib.h>
#include <string.h>

#include "grid_internal.h"

static void free_job(struct grid_job *job)
{
    config_free(&job->config);
    free(job->folder);
    free(job->aside);
    str_list_free(&job->targets);
    str_list_free(&job->unscored);
}

void grid_close(struct grid *g)
{
    for (size_t i = 0; i < g->n_jobs; i++)
        free_job(&g->jobs[i]);
    free(g->jobs);
    grid_close_data(g);
    free(g->data);
    str_list_free(&g->there);
    str_list_free(&g->absent);
    str_list_free(&g->reasons);
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
static int plan_job(struct grid_job *job, struct grid *g)
{
    int status = grid_job_update(job, g);
    if (status != OK || job->state != GRID_TO_RUN)
        return status;
    status = grid_weigh(job, g);
    if (status == OK || status == ERR_MEMORY)
        return status;
    job->state = GRID_NO_DATA;
    return grid_add_reason(g);
}

/* Rows that show several iterations of a run have one job. */
static bool is_planned(const struct grid *g, const char *folder)
{
    for (size_t i = 0; i + 1 < g->n_jobs; i++)
        if (strcmp(g->jobs[i].folder, folder) == 0)
            return true;
    return false;
}

/* Sets `trains` to whether the seed makes a difference. */
static int add_job(bool *trains, struct grid *g, const struct experiment_row *row, const char *dataset,
                   int64_t seed)
{
    struct grid_job *grown = realloc(g->jobs, (g->n_jobs + 1) * sizeof *grown);
    if (!grown)
        return error_out_of_memory();
    g->jobs = grown;
    struct grid_job *job = &g->jobs[g->n_jobs];
    *job = (struct grid_job){.row = row};
    int status = experiment_config(&job->config, g->experiment, row, dataset, g->options->sets);
    if (status != OK)
        return status;
    g->n_jobs++;
    *trains = config_trains(&job->config);
    if (*trains)
        job->config.seed = seed;
    if (g->experiment->source[0] == '\0')
        status = str_list_has(&g->there, dataset) ? str_list_add(&job->targets, dataset) : OK;
    const struct str_list *wanted = g->options->datasets;
    for (size_t i = 0; status == OK && g->experiment->source[0] != '\0' && i < g->there.n; i++)
        if (wanted->n == 0 || str_list_has(wanted, g->there.items[i]))
            status = str_list_add(&job->targets, g->there.items[i]);
    if (status == OK)
        status = grid_name_folder(job, g->options->out_dir);
    if (status == OK && is_planned(g, job->folder)) {
        free_job(&g->jobs[--g->n_jobs]);
        return OK;
    }
    return status == OK ? plan_job(job, g) : status;
}

/* The seeds of a row on a data set: one if nothing is trained. */
static int add_seeds(struct grid *g, const struct experiment_row *row, const char *dataset)
{
    int status = OK;
    bool trains = true;
    for (size_t s = 0; status == OK && trains && s < g->options->n_seeds; s++)
        status = add_job(&trains, g, row, dataset, g->options->seeds[s]);
    return status;
}

/* Data set after data set, so that a table fills from its top. */
static int add_jobs(struct grid *g)
{
    const struct experiment *x = g->experiment;
    const struct str_list *wanted = g->options->datasets;
    int status = OK;
    for (size_t d = 0; status == OK && d < (x->source[0] ? 1 : x->datasets.n); d++) {
        const char *dataset = x->datasets.items[d];
        if (x->source[0] == '\0' && wanted->n > 0 && !str_list_has(wanted, dataset))
            continue;
        for (size_t r = 0; status == OK && r < x->n_rows; r++)
            status = add_seeds(g, &x->rows[r], dataset);
    }
    return status;
}

/* ---------------------------------------------------------------- opening */

int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options,
              const struct grid_model *model)
{
    *out = (struct grid){.experiment = x, .options = options, .model = model};
    struct config c = {0}; /* says where the data are, as that of any row does */
    int status = experiment_config(&c, x, &x->rows[0], x->datasets.items[0], options->sets);
    if (status == OK && (status = grid_open_data(out, &c)) == OK)
        status = add_jobs(out);
    config_free(&c);
    grid_close_data(out);
    if (status != OK)
        grid_close(out);
    return status;
}
