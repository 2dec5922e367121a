/* The data of a configuration: where a set is, and the few-shot sample of a training. */
#include <string.h>

#include "prompt/config/config.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/fewshot.h"
#include "prompt/data/find_files.h"

struct dataset_options config_dataset_options(const struct config *c, const char *name)
{
    const bool is_own = strcmp(name, c->data_dataset) == 0;
    return (struct dataset_options){.name = name,
                                    .root = c->data_root,
                                    .split_file = is_own ? c->data_split_file : NULL,
                                    .image_dir = is_own ? c->data_image_dir : NULL,
                                    .split_seed = (uint64_t)c->data_split_seed};
}

int config_draw_sample(struct item_list *out, struct item_list *out_val, const struct config *c,
                       const struct dataset *d)
{
    struct item_list train = {0};
    struct item_list val = {0};
    int status = fewshot_sample(&train, &val, d, c->data_shots, (uint32_t)c->seed);
    if (status == OK)
        status = item_list_subset(out, &train, c->data_classes, d->n_classes);
    if (status == OK && out_val)
        status = item_list_subset(out_val, &val, c->data_classes, d->n_classes);
    if (status == OK && out->n == 0)
        status = error_set(ERR_FORMAT, "data set '%s': the %s classes have no training images", d->name,
                           class_subset_names[c->data_classes]);
    if (status == OK)
        status = dataset_find_files(d, out);
    if (status == OK && out_val)
        status = dataset_find_files(d, out_val);
    item_list_free(&train);
    item_list_free(&val);
    return status;
}
