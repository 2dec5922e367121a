/* Names and pictures of the later evaluation. */
#include "train_check.h"

#include <string.h>

#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"
#include "prompt/run/class_check.h"

/* Training does not need test pictures, so missing ones are not an error. */
static int warn_of_test_images(const struct session *s, struct dataset *d, const bool *lists)
{
    struct log *log = s->log;
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

static int check_dataset(struct session *s, struct dataset *d)
{
    bool lists[3];
    class_check_lists(lists, s->config);
    int status = OK;
    for (int i = 0; status == OK && i < 3; i++)
        status = lists[i] ? class_check(s, d, (enum class_subset)i) : OK;
    return status == OK ? warn_of_test_images(s, d, lists) : status;
}

/* A target that is missing now may be there when it is evaluated. */
static int check_target(struct session *s, const char *name)
{
    const struct dataset_options options = config_dataset_options(s->config, name);
    struct dataset *d = NULL;
    int status = dataset_open(&d, &options);
    if (status != OK && status != ERR_MEMORY) {
        log_warning(s->log, "--datasets: %s", error_message());
        return OK;
    }
    if (status == OK)
        status = check_dataset(s, d);
    dataset_free(d);
    return status;
}

int train_check(struct session *s, struct dataset *d, const struct str_list *targets)
{
    if (d->n_classes == 1)
        return error_set(ERR_FORMAT, "data set '%s' has one class, '%s': there is nothing to learn", d->name,
                         d->class_names[0]);
    int status = check_dataset(s, d);
    for (size_t i = 0; status == OK && targets && i < targets->n; i++)
        if (strcmp(targets->items[i], d->name) != 0)
            status = check_target(s, targets->items[i]);
    return status;
}
