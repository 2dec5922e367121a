/* Reading the losses of a training. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "prompt/base/array.h"
#include "prompt/base/file.h"
#include "prompt/base/lines.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"

enum { MAX_POINTS = 100 }; /* of a chart */

void training_log_free(struct training_log *log)
{
    free(log->steps);
    free(log->loss);
    free(log->losses);
    free(log->accuracies);
    *log = (struct training_log){0};
}

/* Steps as they are read. */
struct steps {
    struct step {
        double step, loss;
        double losses[METHOD_MAX_ITERATIONS];
        double accuracy; /* at n = N, a share; NaN: older programs do not record it */
    } * items;           /* [n], owned */
    size_t n, n_losses;
};

static int add_step(struct steps *steps, struct training_log *log, const struct json_doc *doc)
{
    const struct json *root = json_root(doc);
    int64_t step = 0, images = 0;
    double loss = 0.0, seconds = 0.0, wait_s = 0.0;
    int status = array_grow(&steps->items, steps->n, sizeof *steps->items);
    if (status != OK || (status = json_need_i64(&step, doc, root, "step")) != OK ||
        (status = json_get_f64(&loss, doc, root, "loss")) != OK ||
        (status = json_get_i64(&images, doc, root, "images")) != OK ||
        (status = json_get_f64(&seconds, doc, root, "seconds")) != OK ||
        (status = json_get_f64(&wait_s, doc, root, "wait_s")) != OK)
        return status;
    struct step *out = &steps->items[steps->n++];
    *out = (struct step){.step = (double)step, .loss = loss, .accuracy = (double)NAN};
    size_t n = 0;
    const struct json *each = json_first(json_get(root, "losses"));
    for (; status == OK && each && n < METHOD_MAX_ITERATIONS; each = json_next(each))
        status = json_f64(&out->losses[n++], each);
    steps->n_losses = n > steps->n_losses ? n : steps->n_losses;
    for (each = json_first(json_get(root, "accuracies")); status == OK && each; each = json_next(each))
        status = json_f64(&out->accuracy, each);
    log->seconds += seconds;
    log->wait_s += wait_s;
    log->n_images += (double)images;
    return status == OK ? OK : json_context(doc, each);
}

/* The last line of a training that was killed may be cut off. */
static int read_steps(struct steps *steps, struct training_log *log, struct lines *lines, const char *path)
{
    int status = OK;
    for (char *line = lines_next(lines); status == OK && line;) {
        struct json_doc *doc = NULL;
        char *next = NULL;
        char *name = str_format("%s:%zu", path, lines->number);
        const size_t n = strlen(line);
        status = name ? json_parse(&doc, line, n, name) : ERR_MEMORY;
        next = lines_next(lines);
        if (status == OK)
            status = add_step(steps, log, doc);
        else if (status == ERR_FORMAT && !next)
            status = OK;
        json_free(doc);
        free(name);
        line = next;
    }
    return status;
}

/* Means of equally many neighbouring steps, if there are more than fit into a chart. */
static int thin_out(struct training_log *log, const struct steps *steps)
{
    const size_t width = (steps->n + MAX_POINTS - 1) / MAX_POINTS;
    log->n_losses = steps->n_losses;
    log->n = width > 0 ? (steps->n + width - 1) / width : 0;
    log->steps = calloc(log->n + 1, sizeof *log->steps);
    log->loss = calloc(log->n + 1, sizeof *log->loss);
    log->losses = calloc(log->n * log->n_losses + 1, sizeof *log->losses);
    log->accuracies = calloc(log->n + 1, sizeof *log->accuracies);
    if (!log->steps || !log->loss || !log->losses || !log->accuracies)
        return error_out_of_memory();
    for (size_t i = 0; i < steps->n; i++) {
        const size_t point = i / width, first = point * width;
        const size_t n = steps->n - first < width ? steps->n - first : width;
        const struct step *step = &steps->items[i];
        log->steps[point] = step->step;
        log->loss[point] += step->loss / (double)n;
        log->accuracies[point] += 100.0 * step->accuracy / (double)n;
        for (size_t k = 0; k < log->n_losses; k++)
            log->losses[k * log->n + point] += step->losses[k] / (double)n;
    }
    return OK;
}

int training_log_read(struct training_log *out, const char *dir)
{
    struct lines lines = {0};
    struct steps steps = {0};
    *out = (struct training_log){0};
    char *path = path_join(dir, RUN_LOG_FILE);
    int status = path ? OK : ERR_MEMORY;
    if (status == OK && file_exists(path) && (status = lines_open(&lines, path)) == OK &&
        (status = read_steps(&steps, out, &lines, path)) == OK)
        status = thin_out(out, &steps);
    lines_close(&lines);
    free(steps.items);
    free(path);
    return status;
}
