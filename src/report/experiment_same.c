/* Whether two configurations are of one experiment, and how one differs from its preset. */
#include <stdlib.h>
#include <string.h>

#include "prompt/report/experiment.h"

/* Runs of one experiment may differ in these: data set, seed,
 * precision, what its products are computed in, and the keys that complete a model's files. */
static const char *const free_keys[] = {"data.dataset",
                                        "data.skip_bad_images",
                                        "seed",
                                        "precision",
                                        "products",
                                        "encoder",
                                        "model.vision_heads",
                                        "model.text_heads",
                                        "model.activation",
                                        "model.norm_eps",
                                        "model.image_mean",
                                        "model.image_std",
                                        "model.interpolation",
                                        "model.resize_mode",
                                        "model.accept_unknown",
                                        NULL};

bool experiment_is_changed(const char *assignment)
{
    const size_t n = strcspn(assignment, "=");
    for (const char *const *key = free_keys; *key; key++)
        if (strncmp(*key, assignment, n) == 0 && (*key)[n] == '\0')
            return false;
    char *name = str_dup_n(assignment, n);
    const size_t i = name ? config_find(name) : config_n_keys();
    free(name);
    return i < config_n_keys() && config_key(i)->is_hashed;
}

int experiment_compare(struct str *difference, const struct config *expected, const struct config *run)
{
    struct str here = {0};
    struct str there = {0};
    size_t i = config_first_difference(&here, &there, expected, run, free_keys);
    if (i == config_n_keys() && config_trains(expected) &&
        strcmp(expected->data_dataset, run->data_dataset) != 0)
        i = config_find("data.dataset");
    else if (i == config_n_keys() && expected->precision != PRECISION_AUTO &&
             expected->precision != run->precision)
        i = config_find("precision");
    else if (i == config_n_keys() && expected->products != PRODUCTS_AUTO &&
             expected->products != run->products)
        i = config_find("products");
    if (i < config_n_keys()) {
        str_clear(&here);
        str_clear(&there);
        config_write_value(&here, expected, i);
        config_write_value(&there, run, i);
        str_appendf(difference, "%s is %s there, here %s", config_key(i)->key, str_text(&there),
                    str_text(&here));
    }
    difference->failed = difference->failed || here.failed || there.failed;
    str_free(&here);
    str_free(&there);
    return str_status(difference);
}

int experiment_changed_keys(bool **out, const struct experiment_row *row, const struct config *c)
{
    struct config preset = {0};
    bool *changed = calloc(config_n_keys(), sizeof *changed);
    int status = changed ? OK : error_out_of_memory();
    if (status == OK && (status = config_resolve(&preset, &(struct config_sources){.file = row->path})) == OK)
        status = config_settle(&preset);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++)
        changed[i] = config_key(i)->is_hashed && !config_is_same(&preset, c, i);
    config_free(&preset);
    if (status != OK)
        free(changed);
    *out = status == OK ? changed : NULL;
    return status;
}
