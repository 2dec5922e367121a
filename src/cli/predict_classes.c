/* The classes of prompt predict. */
#include "predict_classes.h"

#include "prompt/data/class_names.h"

/* --classes: those of the data set. */
static int add_dataset_names(struct str_list *out, struct open_run *r)
{
    static const char *const names[] = {"all", "base", "new", NULL};
    bool chosen[3] = {false};
    struct dataset *d = NULL;
    int status = opt_choose(chosen, r->v, "classes", names);
    if (status == OK && chosen[0] + chosen[1] + chosen[2] != 1)
        status = error_set(ERR_USAGE, "--classes takes one of base, new or all");
    if (status == OK && r->dataset[0] == '\0')
        status = error_set(ERR_USAGE, "--classes takes the classes of a data set: give --data and --dataset");
    if (status == OK)
        status = session_open_dataset(&d, r->session, r->dataset);
    for (int subset = 0; status == OK && subset < 3; subset++) {
        int64_t first = 0, n = 0;
        class_subset_range(&first, &n, (enum class_subset)subset, d->n_classes);
        for (int64_t k = first; status == OK && chosen[subset] && k < first + n; k++)
            status = str_list_add(out, d->class_names[k]);
    }
    dataset_free(d);
    return status;
}

int predict_classes_find(struct str_list *out, struct open_run *r)
{
    const char *text = opt_text(r->v, "class-names"), *path = opt_text(r->v, "classes-file");
    const bool has_dataset = opt_given(r->v, "classes");
    int status = OK;
    if ((text != NULL) + (path != NULL) + has_dataset > 1)
        return error_set(ERR_USAGE, "--class-names, --classes-file and --classes exclude one another");
    if (text)
        return class_names_split(out, text);
    if (path)
        return class_names_read(out, path);
    if (has_dataset)
        return add_dataset_names(out, r);
    if (!r->checkpoint_path)
        return error_set(ERR_USAGE,
                         "no classes: give --class-names \"NAME,NAME\", --classes-file FILE, --classes "
                         "with a data set, or --run DIR");
    status = provenance_class_names(out, &r->provenance);
    return status == OK ? OK : error_context("'%s'", r->checkpoint_path);
}
