/* The lists of images and the names of classes, checked before the first image is evaluated. */
#include "eval_data.h"

#include <stdlib.h>

#include "prompt/base/interrupt.h"
#include "prompt/data/find_files.h"
#include "prompt/run/class_check.h"

int eval_list_images(struct item_list *out, const struct evaluation *e, const struct dataset *d,
                     enum class_subset subset)
{
    struct item_list all = {0};
    *out = (struct item_list){0};
    int status = item_list_subset(&all, &d->test, subset, d->n_classes);
    if (status == OK && all.n == 0)
        status = error_set(ERR_FORMAT, "data set '%s': the %s classes have no test images", d->name,
                           class_subset_names[subset]);
    if (status == OK && (status = item_list_limit(out, &all, e->limit)) == OK)
        status = dataset_find_files(d, out);
    item_list_free(&all);
    return status;
}

bool eval_is_whole(const struct evaluation *e, size_t i)
{
    bool is_whole = true;
    for (int k = 0; k < N_SUBSETS; k++)
        is_whole = is_whole && !e->left_out[i][k];
    return is_whole;
}

int eval_leave_out(struct evaluation *e, size_t i, enum class_subset subset, int status)
{
    bool has_others = false;
    e->left_out[i][subset] = true;
    for (int k = 0; k < N_SUBSETS; k++)
        has_others = has_others || (e->subsets[k] && !e->left_out[i][k]);
    if (!has_others || status == ERR_MEMORY || status == ERR_INTERRUPTED)
        return status;
    const char *name = class_subset_names[subset];
    log_warning(&e->run.log, "the %s classes are left out: %s", name, error_message());
    if (e->left_out_error.len == 0) {
        str_appendf(&e->left_out_error, "the %s classes were not evaluated: %s", name, error_message());
        e->left_out_status = status;
    }
    return str_status(&e->left_out_error);
}

typedef int check_list(struct evaluation *e, const struct dataset *d, enum class_subset subset);

/* Leaves out the lists of a data set that fail the check. */
static int check_lists(struct evaluation *e, size_t i, check_list *check)
{
    int status = OK;
    for (int k = 0; status == OK && k < N_SUBSETS; k++) {
        if (!e->subsets[k] || e->left_out[i][k])
            continue;
        status = ranks_agree(e->run.v->ranks, check(e, e->datasets[i], (enum class_subset)k));
        if (status != OK)
            status = eval_leave_out(e, i, (enum class_subset)k, status);
    }
    return status;
}

static int check_images(struct evaluation *e, const struct dataset *d, enum class_subset subset)
{
    struct item_list items = {0};
    int status = eval_list_images(&items, e, d, subset);
    item_list_free(&items);
    return status;
}

static int check_names(struct evaluation *e, const struct dataset *d, enum class_subset subset)
{
    return class_check(e->run.session, d, subset);
}

static int check_signal(void)
{
    return interrupt_requested() ? error_set(ERR_INTERRUPTED, "interrupted before the first image") : OK;
}

int eval_open_datasets(struct evaluation *e)
{
    e->datasets = calloc(e->targets.n + 1, sizeof(struct dataset *));
    e->left_out = calloc(e->targets.n + 1, sizeof *e->left_out);
    if (!e->datasets || !e->left_out)
        return error_out_of_memory();
    size_t n = 0;
    int status = OK;
    for (size_t i = 0; i < e->targets.n; i++) {
        if ((status = ranks_agree(e->run.v->ranks, check_signal())) != OK)
            return status;
        status = session_open_dataset(&e->datasets[i], e->run.session, e->targets.items[i]);
        status = ranks_agree(e->run.v->ranks, status);
        if (status == OK)
            status = check_lists(e, i, check_images);
        if (e->targets.n == 1 || status == ERR_MEMORY)
            return status;
        n += status == OK;
        if (status == OK)
            continue;
        log_warning(&e->run.log, "%s", error_message());
        dataset_free(e->datasets[i]);
        e->datasets[i] = NULL;
    }
    return n > 0 ? OK : error_context("none of the %zu data sets is there; the last", e->targets.n);
}

int eval_check_names(struct evaluation *e)
{
    size_t n = 0;
    int status = OK;
    for (size_t i = 0; i < e->targets.n; i++) {
        status = e->datasets[i] ? check_lists(e, i, check_names) : OK;
        if (status != OK && (e->targets.n == 1 || status == ERR_MEMORY))
            return status;
        n += e->datasets[i] && status == OK;
        if (status != OK)
            log_warning(&e->run.log, "%s", error_message());
    }
    if (n == 0)
        return error_context("none of the %zu data sets can be evaluated; the last", e->targets.n);
    return check_signal();
}
