/* What of a job is done. */
#include <stdlib.h>
#include <string.h>

#include "grid_internal.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/report/records.h"
#include "prompt/run/train.h"

/* Appends in what a run's configuration, model, pixels and tokens are not the job's; nothing if they are. The
 * model and the pipeline may be unknown, NULL. */
static int compare(struct str *out, const struct grid *g, const struct grid_job *job, const struct config *c,
                   const char *weights, const struct pipeline *pipeline)
{
    int status = experiment_compare(out, &job->config, c);
    if (status != OK || out->len > 0)
        return status;
    if (config_trains(&job->config) && job->config.seed != c->seed)
        str_appendf(out, "seed is %lld there, here %lld", (long long)c->seed, (long long)job->config.seed);
    else if (weights && strcmp(weights, g->weights_sha256) != 0)
        str_appendf(out, "weights of SHA-256 %.16s... there, here %.16s...", weights, g->weights_sha256);
    else if (pipeline)
        pipeline_compare(out, pipeline, &g->pipeline);
    return str_status(out);
}

/* ---------------------------------------------------------------- records */

/* Whether a record is of this job: same configuration, weights, classes and images; finished, or stopped
 * where this one would be. */
static int is_of_job(bool *out, const struct grid *g, const struct grid_job *job, const struct record *r)
{
    const struct grid_options *o = g->options;
    const struct grid_list *list = &grid_data_find(g, r->dataset)->lists[r->subset];
    const bool same_data =
        strcmp(r->class_digest, list->class_names) == 0 && strcmp(r->image_digest, list->images) == 0;
    const bool ends_here =
        o->max_steps > 0 ? r->steps >= o->max_steps || r->steps == r->n_steps : r->steps == r->n_steps;
    struct str differences = {0};
    int status = compare(&differences, g, job, &r->config, r->weights, &r->pipeline);
    if (status == OK && r->trained_pipeline.preprocess)
        pipeline_compare(&differences, &r->trained_pipeline, &g->pipeline);
    *out = differences.len == 0 && same_data && !r->untrained && r->limit == o->limit && ends_here;
    str_free(&differences);
    return status;
}

/* Which records of a target are missing. */
static int find_lacking(bool lacking[GRID_N_SUBSETS], const struct grid *g, const struct grid_job *job,
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

static int look_at_records(struct grid_job *job, const struct grid *g)
{
    struct record_list records = {0};
    str_list_free(&job->unscored);
    int status = file_is_dir(job->folder) ? records_read(&records, job->folder) : OK;
    for (size_t i = 0; status == OK && i < job->targets.n; i++) {
        bool lacking[GRID_N_SUBSETS];
        status = find_lacking(lacking, g, job, &records, job->targets.items[i]);
        if (status == OK && (lacking[0] || lacking[1] || lacking[2]))
            status = str_list_add(&job->unscored, job->targets.items[i]);
        job->lacks_base = lacking[CLASS_SUBSET_BASE];
        job->lacks_new = lacking[CLASS_SUBSET_NEW];
    }
    records_free(&records);
    return status;
}

/* ---------------------------------------------------------------- trainings */

/* Compares the job with the configuration that a training has. */
static int compare_text(struct str *out, const struct grid *g, const struct grid_job *job, const char *text,
                        size_t n, const char *path, const char *weights, const struct pipeline *pipeline)
{
    struct config c;
    int status = OK;
    if ((status = config_init(&c)) == OK && (status = config_read_text(&c, text, n, path, CONFIG_RUN)) == OK)
        status = compare(out, g, job, &c, weights, pipeline);
    config_free(&c);
    return status;
}

/* A training that stands at its last step needs no further one. */
static int look_at_checkpoint(struct str *out, struct grid_job *job, const struct grid *g, const char *path)
{
    const int64_t max_steps = g->options->max_steps;
    struct provenance p = {0};
    struct progress at = {0};
    int status = checkpoint_read_header(&p, &at, path);
    if (status == OK)
        status = compare_text(out, g, job, p.config, strlen(p.config), path, p.weights_sha256, &p.pipeline);
    job->must_train = at.step < at.n_steps && (max_steps == 0 || at.step < max_steps);
    provenance_free(&p);
    return status;
}

/* One that was stopped before its first checkpoint. */
static int look_at_config(struct str *out, const struct grid_job *job, const struct grid *g, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    int status = file_read(&text, &n, path);
    if (status == OK)
        status = compare_text(out, g, job, text, n, path, NULL, NULL);
    free(text);
    return status;
}

/* Where the job's training stands; into `out` goes in what the one in its folder is another one. */
static int look_at_training(struct str *out, struct grid_job *job, const struct grid *g)
{
    char *config = path_join(job->folder, RUN_CONFIG_FILE);
    char *checkpoint = path_join(job->folder, RUN_CHECKPOINT_FILE);
    int status = config && checkpoint ? OK : ERR_MEMORY;
    job->must_train = config_trains(&job->config);
    job->is_begun = status == OK && job->must_train && file_exists(config);
    if (status == OK && job->must_train && file_exists(checkpoint))
        status = look_at_checkpoint(out, job, g, checkpoint);
    else if (job->is_begun)
        status = look_at_config(out, job, g, config);
    free(checkpoint);
    free(config);
    return status;
}

/* The folder is taken by a training of another preset, model or kind of pixels: this one gets a folder of its
 * own. */
static int step_aside(struct grid_job *job, const struct grid *g, const struct str *differences)
{
    char hash[DIGEST_HEX_SIZE];
    char inputs[DIGEST_HEX_SIZE];
    int status = config_hash(hash, &job->config);
    if (status == OK)
        status = pipeline_digest(inputs, &g->pipeline);
    if (status != OK)
        return status;
    char *folder = str_format("%s-%.8s-%.8s-%.8s", job->folder, hash, g->weights_sha256, inputs);
    job->aside = str_format("'%s' holds another training (%s): '%s' is taken", job->folder,
                            str_text(differences), folder ? folder : "");
    if (!folder || !job->aside) {
        free(folder);
        return ERR_MEMORY;
    }
    free(job->folder);
    job->folder = folder;
    return OK;
}

int grid_look(struct grid_job *job, const struct grid *g)
{
    struct str differences = {0};
    int status = look_at_training(&differences, job, g);
    if (status == OK && differences.len > 0 && !job->aside) {
        status = step_aside(job, g, &differences);
        str_clear(&differences);
        if (status == OK)
            status = look_at_training(&differences, job, g);
    }
    if (status == OK && differences.len > 0)
        status = error_set(ERR_USAGE, "'%s' holds another training: %s", job->folder, str_text(&differences));
    str_free(&differences);
    if (status == OK)
        status = look_at_records(job, g);
    const bool has_source = !config_trains(&job->config) || grid_data_find(g, job->config.data_dataset);
    if (job->targets.n == 0 || !has_source)
        job->state = GRID_NO_DATA;
    else
        job->state = job->unscored.n > 0 ? GRID_TO_RUN : GRID_DONE;
    return status;
}
