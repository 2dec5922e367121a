/* Tasks of a job array. */
#include "prompt/grid/tasks.h"

#include <inttypes.h>
#include <stdlib.h>

#include "prompt/base/json.h"
#include "prompt/base/json_write.h"
#include "prompt/grid/note.h"

void grid_tasks_free(struct grid_tasks *t)
{
    for (size_t i = 0; i < t->n; i++)
        str_list_free(&t->items[i].runs);
    free(t->items);
    *t = (struct grid_tasks){0};
}

/* ---------------------------------------------------------------- dividing */

/* A job that is to run. */
struct load {
    size_t job, task;
    double seconds;
};

static int by_seconds(const void *a, const void *b)
{
    const struct load *x = a, *y = b;
    if (x->seconds != y->seconds)
        return x->seconds < y->seconds ? 1 : -1;
    return (x->job > y->job) - (x->job < y->job);
}

static int by_job(const void *a, const void *b)
{
    const struct load *x = a, *y = b;
    return (x->job > y->job) - (x->job < y->job);
}

static int find_loads(struct load *loads, const struct grid *g)
{
    struct grid_pace pace = {0};
    size_t n = 0;
    int status = grid_note_pace(&pace, g);
    for (size_t i = 0; status == OK && i < g->n_jobs; i++) {
        const struct grid_job *job = &g->jobs[i];
        if (job->state != GRID_TO_RUN)
            continue;
        const double s = grid_pace_seconds(&pace, (size_t)(job->row - g->setup.experiment->rows), job->work);
        loads[n++] = (struct load){.job = i, .seconds = s > 0.0 ? s : job->work};
    }
    grid_pace_free(&pace);
    return status;
}

/* Sets the tasks of the loads, which are sorted, the longest first. */
static void divide(struct load *loads, size_t n_loads, struct grid_task *tasks, size_t n)
{
    for (size_t i = 0; i < n_loads; i++) {
        size_t least = 0;
        if (i < n)
            least = i; /* none stays empty, whatever is known of the times */
        for (size_t t = 1; i >= n && t < n; t++)
            if (tasks[t].seconds < tasks[least].seconds)
                least = t;
        loads[i].task = least;
        tasks[least].seconds += loads[i].seconds;
    }
}

/* Adds the jobs to their tasks, and numbers these by their first job. */
static int fill(struct grid_tasks *out, struct load *loads, size_t n_loads, const struct grid *g)
{
    int status = OK;
    size_t *number = calloc(out->n + 1, sizeof *number); /* from 1; 0: none yet */
    double *seconds = calloc(out->n + 1, sizeof *seconds);
    size_t n_met = 0;
    if (!number || !seconds)
        status = error_out_of_memory();
    for (size_t i = 0; status == OK && i < n_loads; i++) {
        const size_t task = loads[i].task;
        if (number[task] == 0) {
            number[task] = ++n_met;
            seconds[n_met - 1] = out->items[task].seconds;
        }
        status = str_list_add(&out->items[number[task] - 1].runs, g->jobs[loads[i].job].name);
    }
    for (size_t t = 0; status == OK && t < out->n; t++)
        out->items[t].seconds = seconds[t];
    free(seconds);
    free(number);
    return status;
}

int grid_tasks_make(struct grid_tasks *out, const struct grid *g, size_t n)
{
    const size_t n_loads = grid_count(g, GRID_TO_RUN);
    struct load *loads = calloc(n_loads + 1, sizeof *loads);
    *out = (struct grid_tasks){.n = n < n_loads ? n : n_loads};
    out->items = calloc(out->n + 1, sizeof *out->items);
    int status = loads && out->items ? find_loads(loads, g) : error_out_of_memory();
    if (status == OK && out->n > 0) {
        qsort(loads, n_loads, sizeof *loads, by_seconds);
        divide(loads, n_loads, out->items, out->n);
        qsort(loads, n_loads, sizeof *loads, by_job);
        status = fill(out, loads, n_loads, g);
    }
    free(loads);
    if (status != OK)
        grid_tasks_free(out);
    return status;
}

/* ---------------------------------------------------------------- the file */

/* The data sets of a task's trainings, or of what it evaluates without one. */
static int find_datasets(struct str_list *out, const struct str_list *runs, const struct grid *g)
{
    int status = OK;
    for (size_t i = 0; status == OK && i < g->n_jobs; i++)
        if (str_list_has(runs, g->jobs[i].name))
            status = str_list_add(out, g->jobs[i].config.data_dataset);
    str_list_sort_unique(out);
    return status;
}

int grid_tasks_write(struct str *out, const struct grid_tasks *t, const struct grid *g)
{
    int status = OK;
    json_open(out, NULL, '{');
    json_open(out, "tasks", '[');
    for (size_t i = 0; status == OK && i < t->n; i++) {
        struct str_list datasets = {0};
        status = find_datasets(&datasets, &t->items[i].runs, g);
        str_append(out, i > 0 ? ",\n" : "\n");
        json_open(out, NULL, '{');
        json_put_strings(out, "datasets", &datasets);
        json_put_strings(out, "runs", &t->items[i].runs);
        json_close(out, '}');
        str_list_free(&datasets);
    }
    json_close(out, ']');
    json_close(out, '}');
    str_append(out, "\n");
    return status == OK ? str_status(out) : status;
}

static int read_texts(struct str_list *out, const struct json_doc *doc, const struct json *task,
                      const char *key)
{
    const struct json *texts = NULL;
    int status = json_need(&texts, doc, task, key, JSON_ARRAY);
    for (const struct json *v = status == OK ? json_first(texts) : NULL; v && status == OK;
         v = json_next(v)) {
        const char *text = NULL;
        status = json_string(&text, v);
        status = status == OK ? str_list_add(out, text) : json_context(doc, v);
    }
    return status;
}

int grid_tasks_read(struct str_list *runs, struct str_list *datasets, const char *path, int64_t task)
{
    struct json_doc *doc = NULL;
    const struct json *tasks = NULL;
    int status = json_read_file(&doc, path);
    if (status == OK)
        status = json_need(&tasks, doc, json_root(doc), "tasks", JSON_ARRAY);
    const struct json *v = status == OK ? json_first(tasks) : NULL;
    for (int64_t i = 1; v && i < task; i++)
        v = json_next(v);
    if (status == OK && !v)
        status = error_set(ERR_USAGE, "option '--task': expected a number from 1 to %zu, found %" PRId64,
                           json_size(tasks), task);
    if (status == OK && (status = read_texts(runs, doc, v, "runs")) == OK)
        status = read_texts(datasets, doc, v, "datasets");
    json_free(doc);
    return status;
}
