/* How much of a job is done. */
#include "prompt/grid/job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/data/find_files.h"
#include "prompt/report/folder.h"
#include "prompt/report/provenance.h"
#include "prompt/report/records.h"

void grid_job_free(struct grid_job *job)
{
    config_free(&job->config);
    free(job->name);
    free(job->folder);
    free(job->aside);
    str_list_free(&job->targets);
    str_list_free(&job->unscored);
}

/* Appends the first difference of a run from the job: in configuration, model, pixels or tokens. Model and
 * pipeline may be unknown, NULL. */
static int compare(struct str *out, const struct grid_setup *s, const struct grid_job *job,
                   const struct config *c, const char *weights, const struct pipeline *pipeline)
{
    int status = experiment_compare(out, &job->config, c);
    if (status != OK || out->len > 0)
        return status;
    if (config_trains(&job->config) && job->config.seed != c->seed)
        str_appendf(out, "seed is %" PRId64 " there, here %" PRId64, c->seed, job->config.seed);
    else if (weights && strcmp(weights, s->model->sha256) != 0)
        str_appendf(out, "weights of SHA-256 %.16s... there, here %.16s...", weights, s->model->sha256);
    else if (pipeline)
        pipeline_compare(out, pipeline, &s->model->pipeline);
    return str_status(out);
}

/* ---------------------------------------------------------------- records */

/* Whether a record is of this job: of the same configuration, weights, classes and images, and finished or
 * stopped where this one would be. */
static int is_of_job(bool *out, const struct grid_setup *s, const struct grid_job *job,
                     const struct record *r)
{
    const struct grid_options *o = s->options;
    const struct grid_list *list = &grid_setup_find(s, r->dataset)->lists[r->subset];
    const bool same_data =
        strcmp(r->class_digest, list->class_names) == 0 && strcmp(r->image_digest, list->images) == 0;
    const bool ends_here =
        o->max_steps > 0 ? r->steps >= o->max_steps || r->steps == r->n_steps : r->steps == r->n_steps;
    struct str differences = {0};
    int status = compare(&differences, s, job, &r->config, r->weights, &r->pipeline);
    if (status == OK && r->trained_pipeline.preprocess)
        pipeline_compare(&differences, &r->trained_pipeline, &s->model->pipeline);
    *out = differences.len == 0 && same_data && !r->untrained && r->limit == o->limit && ends_here;
    str_free(&differences);
    return status;
}

/* Which records of a target are missing. */
static int find_lacking(bool lacking[GRID_N_SUBSETS], const struct grid_setup *s, const struct grid_job *job,
                        const struct record_list *records, const char *target)
{
    const bool halves = s->experiment->has_halves;
    int status = OK;
    lacking[CLASS_SUBSET_ALL] = !halves;
    lacking[CLASS_SUBSET_BASE] = lacking[CLASS_SUBSET_NEW] = halves;
    for (size_t i = 0; status == OK && i < records->n; i++) {
        const struct record *r = &records->items[i];
        bool fits = false;
        if (strcmp(r->dataset, target) == 0)
            status = is_of_job(&fits, s, job, r);
        lacking[r->subset] = lacking[r->subset] && !fits;
    }
    return status;
}

static int look_at_records(struct grid_job *job, const struct grid_setup *s)
{
    struct record_list records = {0};
    str_list_free(&job->unscored);
    int status = file_is_dir(job->folder) ? records_read(&records, job->folder) : OK;
    for (size_t i = 0; status == OK && i < job->targets.n; i++) {
        bool lacking[GRID_N_SUBSETS];
        status = find_lacking(lacking, s, job, &records, job->targets.items[i]);
        if (status == OK && (lacking[0] || lacking[1] || lacking[2]))
            status = str_list_add(&job->unscored, job->targets.items[i]);
        job->lacks_base = lacking[CLASS_SUBSET_BASE];
        job->lacks_new = lacking[CLASS_SUBSET_NEW];
    }
    records_free(&records);
    return status;
}

/* ---------------------------------------------------------------- trainings */

/* Appends how the training in a checkpoint differs from the
 * job's, which continues if it is not at its end. */
static int look_at_checkpoint(struct str *out, struct grid_job *job, const struct grid_setup *s,
                              const char *path)
{
    const int64_t max_steps = s->options->max_steps;
    struct provenance p = {0};
    struct progress at = {0};
    struct config c = {0};
    int status = OK;
    if ((status = provenance_read(&p, &at, path)) == OK &&
        (status = config_resolve(&c, &(struct config_sources){.run_text = p.config, .run_name = path})) == OK)
        status = compare(out, s, job, &c, p.weights_sha256, &p.pipeline);
    job->must_train = at.step < at.n_steps && (max_steps == 0 || at.step < max_steps);
    job->step = at.step;
    job->n_steps = at.n_steps;
    config_free(&c);
    provenance_free(&p);
    return status;
}

/* The same of a training that was stopped before its first checkpoint. */
static int look_at_config(struct str *out, const struct grid_job *job, const struct grid_setup *s,
                          const char *path)
{
    struct config c = {0};
    int status = config_resolve(&c, &(struct config_sources){.run_file = path});
    if (status == OK)
        status = compare(out, s, job, &c, NULL, NULL);
    config_free(&c);
    return status;
}

/* Finds how far the job's training is; appends how the one in its folder differs from it. */
static int look_at_training(struct str *out, struct grid_job *job, const struct grid_setup *s)
{
    char *config = path_join(job->folder, RUN_CONFIG_FILE);
    char *checkpoint = path_join(job->folder, RUN_CHECKPOINT_FILE);
    int status = config && checkpoint ? OK : ERR_MEMORY;
    job->must_train = config_trains(&job->config);
    job->is_begun = status == OK && job->must_train && file_exists(config);
    if (status == OK && job->must_train && file_exists(checkpoint))
        status = look_at_checkpoint(out, job, s, checkpoint);
    else if (job->is_begun)
        status = look_at_config(out, job, s, config);
    free(checkpoint);
    free(config);
    return status;
}

/* Gives the job a folder of its own: a training of another preset, model or kind of pixels has its folder. */
static int step_aside(struct grid_job *job, const struct grid_setup *s, const struct str *differences)
{
    char hash[DIGEST_HEX_SIZE];
    char inputs[DIGEST_HEX_SIZE];
    int status = config_hash(hash, &job->config);
    if (status == OK)
        status = pipeline_digest(inputs, &s->model->pipeline);
    if (status != OK)
        return status;
    char *folder = str_format("%s-%.8s-%.8s-%.8s", job->folder, hash, s->model->sha256, inputs);
    job->aside = str_format("'%s' holds another training (%s): '%s' is used instead", job->folder,
                            str_text(differences), folder ? folder : "");
    if (!folder || !job->aside) {
        free(folder);
        return ERR_MEMORY;
    }
    free(job->folder);
    job->folder = folder;
    return OK;
}

int grid_job_update(struct grid_job *job, const struct grid_setup *s)
{
    struct str differences = {0};
    int status = look_at_training(&differences, job, s);
    if (status == OK && differences.len > 0 && !job->aside) {
        status = step_aside(job, s, &differences);
        str_clear(&differences);
        if (status == OK)
            status = look_at_training(&differences, job, s);
    }
    if (status == OK && differences.len > 0)
        status = error_set(ERR_USAGE, "'%s' holds another training: %s", job->folder, str_text(&differences));
    str_free(&differences);
    if (status == OK)
        status = look_at_records(job, s);
    const bool has_source = !config_trains(&job->config) || grid_setup_find(s, job->config.data_dataset);
    if (job->targets.n == 0 || !has_source)
        job->state = GRID_NO_DATA;
    else
        job->state = job->unscored.n > 0 ? GRID_TO_RUN : GRID_DONE;
    return status;
}

int64_t grid_job_progress(const struct grid_job *job)
{
    return job->step + !job->must_train + !job->lacks_base + !job->lacks_new +
           (int64_t)(job->targets.n - job->unscored.n);
}

/* ---------------------------------------------------------------- work */

/* A trained image costs about three evaluated ones: forward, backward, and parts computed again. */
static const double TRAINING = 3.0;

/* The steps of a training on a sample. */
static int64_t count_steps(const struct config *c, int64_t n_images)
{
    const int64_t n_whole = n_images / c->batch_size,
                  has_rest = n_images % c->batch_size != 0 && !c->drop_last;
    return c->steps_per_shot > 0 ? c->steps_per_shot * c->data_shots : (n_whole + has_rest) * c->epochs;
}

static int weigh_training(struct grid_job *job, const struct grid_setup *s)
{
    const struct config *c = &job->config;
    const struct grid_data *data = grid_setup_find(s, c->data_dataset);
    struct item_list sample = {0};
    int64_t first = 0, n_classes = 0;
    if (!data) /* an absent data set is not trained on */
        return OK;
    int status = config_draw_sample(&sample, NULL, c, data->dataset);
    class_subset_range(&first, &n_classes, c->data_classes, data->dataset->n_classes);
    if (job->n_steps == 0)
        job->n_steps = count_steps(c, (int64_t)sample.n);
    double n_images = c->steps_per_shot > 0 ? (double)(c->steps_per_shot * c->data_shots * c->batch_size)
                                            : (double)sample.n * (double)c->epochs;
    const double limit = (double)s->options->max_steps * (double)c->batch_size;
    if (limit > 0 && limit < n_images)
        n_images = limit;
    job->work += TRAINING * n_images * (double)n_classes;
    item_list_free(&sample);
    return status;
}

int grid_job_weigh(struct grid_job *job, const struct grid_setup *s)
{
    job->work = 0.0;
    for (size_t i = 0; i < job->unscored.n; i++) {
        const struct grid_data *data = grid_setup_find(s, job->unscored.items[i]);
        for (int k = 0; k < GRID_N_SUBSETS; k++)
            job->work += (double)data->lists[k].n_images * (double)data->lists[k].n_classes;
    }
    return job->must_train ? weigh_training(job, s) : OK;
}
