/* What of the evaluation can be known before training: names and pictures of what will be evaluated. */
#include <string.h>

#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"
#include "prompt/run/class_check.h"
#include "train_internal.h"

/* Training needs no test pictures, so their absence is no error. */
static int warn_of_test_images(const struct training *t, struct dataset *d, const bool *lists)
{
    struct log *log = t->session->log;
    struct found_files found = {0};
    struct str text = {0};
    int status = OK;
    for (int i = 0; status == OK && i < 3; i++) {
        struct item_list items = {0};
        status = lists[i] ? item_list_subset(&items, &d->test, (enum class_subset)i, d->n_classes) : OK;
        if (status == OK && lists[i] && items.n == 0)
            log_warning(log, "data set '%s': the %s classes have no test images, which prompt eval needs",
                        d->name, class_subset_names[i]);
        item_list_free(&items);
    }
    if (status == OK)
        status = dataset_look_for_files(&found, d, &d->test);
    if (status == OK && found.n_missing > 0 && (status = found_files_describe(&text, &found, d)) == OK)
        log_warning(log, "data set '%s': test images, which prompt eval needs: %s", d->name, str_text(&text));
    str_free(&text);
    found_files_free(&found);
    return status;
}

static int check_dataset(const struct training *t, struct dataset *d)
{
    bool lists[3];
    class_check_lists(lists, t->session->config);
    int status = OK;
    for (int i = 0; status == OK && i < 3; i++)
        status = lists[i] ? class_check(t->session, d, (enum class_subset)i) : OK;
    return status == OK ? warn_of_test_images(t, d, lists) : status;
}

/* A target that is not there now may be there when it is evaluated. */
static int check_target(const struct training *t, const char *name)
{
    const struct dataset_options options = config_dataset_options(t->session->config, name);
    struct dataset *d = NULL;
    int status = dataset_open(&d, &options);
    if (status != OK && status != ERR_MEMORY) {
        log_warning(t->session->log, "--datasets: %s", error_message());
        return OK;
    }
    if (status == OK)
        status = check_dataset(t, d);
    dataset_free(d);
    return status;
}

int training_check(const struct training *t)
{
    const struct str_list *targets = t->options->targets;
    if (t->dataset->n_classes == 1)
        return error_set(ERR_FORMAT, "data set '%s' has one class, '%s': there is nothing to learn",
                         t->dataset->name, t->dataset->class_names[0]);
    int status = check_dataset(t, t->dataset);
    for (size_t i = 0; status == OK && targets && i < targets->n; i++)
        if (strcmp(targets->items[i], t->dataset->name) != 0)
            status = check_target(t, targets->items[i]);
    return status;
}
