/* The plan of a grid. */
#include "grid_internal.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/clip/weights.h"
#include "prompt/data/dataset.h"
#include "prompt/run/records.h"
#include "prompt/run/session.h"
#include "prompt/run/train.h"

static void free_job(struct grid_job *job)
{
    config_free(&job->config);
    free(job->folder);
    str_list_free(&job->targets);
    str_list_free(&job->unscored);
}

void grid_close(struct grid *g)
{
    for (size_t i = 0; i < g->n_jobs; i++)
        free_job(&g->jobs[i]);
    free(g->jobs);
    str_list_free(&g->there);
    str_list_free(&g->absent);
    str_list_free(&g->reasons);
    *g = (struct grid){0};
}

/* ---------------------------------------------------------------- what is done */

/* Whether a record is of this job: same configuration, same weights; finished, or stopped where this one
 * would be. */
static int is_of_job(bool *out, const struct grid *g, const struct grid_job *job, const struct record *r)
{
    /* "auto" became what the machine of the run had; what is not trained is of no data set but its target */
    const bool trains = config_trains(&job->config);
    const char *except[] = {job->config.precision == PRECISION_AUTO ? "precision" : "data.dataset",
                            "data.dataset", NULL};
    const struct grid_options *o = g->options;
    struct str here = {0};
    struct str there = {0};
    const bool differs =
        config_first_difference(&here, &there, &job->config, &r->config, except) < config_n_keys() ||
        (trains && strcmp(job->config.data_dataset, r->config.data_dataset) != 0);
    const bool ends_here = o->max_steps > 0 && trains ? r->finished || r->steps >= o->max_steps : true;
    *out = !differs && strcmp(r->weights, g->weights_sha256) == 0 && !r->untrained &&
           (r->finished || ((o->max_steps > 0 || o->limit > 0) && r->limit == o->limit && ends_here));
    int status = str_status(&here) == OK ? str_status(&there) : ERR_MEMORY;
    str_free(&here);
    str_free(&there);
    return status;
}

/* Which records of a target are missing. */
static int find_lacking(bool lacking[3], const struct grid *g, const struct grid_job *job,
                        const struct record_list *records, const char *target)
{
    const bool halves = g->experiment->has_halves;
    int status = OK;
    lacking[CLASS_SUBSET_ALL] = !halves;
    lacking[CLASS_SUBSET_BASE] = lacking[CLASS_SUBSET_NEW] = halves;
    for (size_t i = 0; status == OK && i < records->n; i++) {
        const struct record *r = &records->items[i];
        bool fits = false;
        if (strcmp(r->dataset, target) == 0)
            status = is_of_job(&fits, g, job, r);
        lacking[r->subset] = lacking[r->subset] && !fits;
    }
    return status;
}

/* A training that stands at its last step needs no further one. */
static int look_at_training(struct grid_job *job, int64_t max_steps)
{
    char *config = path_join(job->folder, RUN_CONFIG_FILE);
    char *checkpoint = path_join(job->folder, RUN_CHECKPOINT_FILE);
    struct provenance provenance = {0};
    struct progress at = {0};
    int status = config && checkpoint ? OK : ERR_MEMORY;
    job->must_train = status == OK && config_trains(&job->config);
    job->is_begun = status == OK && file_exists(config);
    if (job->must_train && file_exists(checkpoint)) {
        status = checkpoint_read_header(&provenance, &at, checkpoint);
        job->must_train = at.step < at.n_steps && (max_steps == 0 || at.step < max_steps);
    }
    provenance_free(&provenance);
    free(checkpoint);
    free(config);
    return status;
}

static int look_at_job(struct grid_job *job, const struct grid *g)
{
    struct record_list records = {0};
    int status = file_is_dir(job->folder) ? records_read(&records, job->folder) : OK;
    for (size_t i = 0; status == OK && i < job->targets.n; i++) {
        bool lacking[3];
        status = find_lacking(lacking, g, job, &records, job->targets.items[i]);
        if (status == OK && (lacking[0] || lacking[1] || lacking[2]))
            status = str_list_add(&job->unscored, job->targets.items[i]);
        job->lacks_base = lacking[CLASS_SUBSET_BASE];
        job->lacks_new = lacking[CLASS_SUBSET_NEW];
    }
    records_free(&records);
    if (status == OK)
        status = look_at_training(job, g->options->max_steps);
    const bool has_source = !config_trains(&job->config) || str_list_has(&g->there, job->config.data_dataset);
    if (job->targets.n == 0 || !has_source)
        job->state = GRID_NO_DATA;
    else
        job->state = job->unscored.n > 0 ? GRID_TO_RUN : GRID_DONE;
    return status;
}

/* ---------------------------------------------------------------- jobs */

static int add_job(struct grid *g, const struct experiment_row *row, const char *dataset, int64_t seed)
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
    if (config_trains(&job->config))
        job->config.seed = seed;
    if (g->experiment->source[0] == '\0')
        status = str_list_has(&g->there, dataset) ? str_list_add(&job->targets, dataset) : OK;
    const struct str_list *wanted = g->options->datasets;
    for (size_t i = 0; status == OK && g->experiment->source[0] != '\0' && i < g->there.n; i++)
        if (wanted->n == 0 || str_list_has(wanted, g->there.items[i]))
            status = str_list_add(&job->targets, g->there.items[i]);
    if (status == OK)
        status = grid_name_folder(job, g->options->out_dir);
    return status == OK ? look_at_job(job, g) : status;
}

/* The seeds of a row on a data set: one if nothing is trained. */
static int add_seeds(struct grid *g, const struct experiment_row *row, const char *dataset)
{
    int status = OK;
    for (size_t s = 0; status == OK && s < g->options->n_seeds; s++) {
        status = add_job(g, row, dataset, g->options->seeds[s]);
        if (status == OK && !config_trains(&g->jobs[g->n_jobs - 1].config))
            break;
    }
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

static int look_for_data(struct grid *g, const struct config *c)
{
    const struct experiment *x = g->experiment;
    const struct str_list *wanted = g->options->datasets;
    int status = OK;
    for (size_t d = 0; status == OK && d < x->datasets.n; d++) {
        const char *name = x->datasets.items[d];
        if (wanted->n > 0 && !str_list_has(wanted, name) && strcmp(name, x->source) != 0)
            continue;
        struct dataset *dataset = NULL;
        const struct dataset_options options = session_dataset_options(c, name);
        const bool is_there = dataset_open(&dataset, &options) == OK;
        dataset_free(dataset);
        status = str_list_add(is_there ? &g->there : &g->absent, name);
        if (status == OK && !is_there)
            status = str_list_add(&g->reasons, error_message());
    }
    return status;
}

static int hash_weights(struct grid *g, const struct config *c)
{
    const struct weights_options options = {.vision_heads = c->model_vision_heads,
                                            .text_heads = c->model_text_heads,
                                            .activation = c->model_activation[0] ? c->model_activation : NULL,
                                            .norm_eps = c->model_norm_eps};
    struct weights *weights = NULL;
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    int status = weights_open(&weights, s, c->model_path, &options);
    if (status == OK)
        status = weights_hash(weights);
    if (status == OK)
        memcpy(g->weights_sha256, weights->sha256, sizeof g->weights_sha256);
    weights_close(weights);
    int closed = scope_close(s);
    return status == OK ? closed : status;
}

int grid_open(struct grid *out, const struct experiment *x, const struct grid_options *options)
{
    *out = (struct grid){.experiment = x, .options = options};
    struct config c;
    int status = experiment_config(&c, x, &x->rows[0], x->datasets.items[0], options->sets);
    if (status != OK)
        return status;
    status = config_check(&c); /* data and model are given */
    if (status == OK)
        status = hash_weights(out, &c);
    if (status == OK)
        status = look_for_data(out, &c);
    config_free(&c);
    if (status == OK)
        status = add_jobs(out);
    if (status != OK)
        grid_close(out);
    return status;
}
