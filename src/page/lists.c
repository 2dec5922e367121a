/* The lists of images of a page: which all runs have, the names of their classes, their pictures. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "prompt/base/array.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/fewshot.h"
#include "prompt/data/find_files.h"
#include "prompt/report/targets.h"

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        free(texts[i]);
    free(texts);
}

void lists_free(struct page *p)
{
    for (size_t i = 0; i < p->n_lists; i++) {
        free(p->lists[i].dataset);
        free_texts(p->lists[i].names, (size_t)p->lists[i].n_classes);
        free_texts(p->lists[i].files, p->lists[i].n_files);
    }
    for (size_t i = 0; i < p->n_samples; i++) {
        free_texts(p->samples[i].files, p->samples[i].n);
        free_texts(p->samples[i].names, (size_t)p->samples[i].n_classes);
        free(p->samples[i].labels);
    }
    free(p->lists);
    free(p->samples);
}

void list_title(struct str *out, const struct list *list)
{
    str_appendf(out, "%s, %s classes", target_display_name(list->dataset), class_subset_names[list->subset]);
}

void list_column(struct str *out, const struct page *p, size_t list)
{
    bool is_one = true;
    for (size_t i = 1; i < p->n_lists; i++)
        is_one = is_one && strcmp(p->lists[i].dataset, p->lists[0].dataset) == 0;
    if (is_one)
        str_appendf(out, "%s classes", class_subset_names[p->lists[list].subset]);
    else
        list_title(out, &p->lists[list]);
}

/* ---------------------------------------------------------------- comparable runs */

static const struct run_list *find_list(const struct run *r, const struct record *like)
{
    for (size_t i = 0; i < r->n_lists; i++)
        if (strcmp(r->lists[i].record->dataset, like->dataset) == 0 &&
            r->lists[i].record->subset == like->subset)
            return &r->lists[i];
    return NULL;
}

/* Two evaluations of one list must be of the same classes and images. */
static int compare_lists(const struct run *a, const struct record *x, const struct run *b,
                         const struct record *y)
{
    const bool same_names = strcmp(x->class_digest, y->class_digest) == 0;
    if (same_names && strcmp(x->image_digest, y->image_digest) == 0)
        return OK;
    return error_set(ERR_USAGE,
                     "'%s' and '%s' cannot be compared: they were evaluated on different %s of %s, %s "
                     "classes",
                     a->dir, b->dir, same_names ? "images" : "class names", x->dataset,
                     class_subset_names[x->subset]);
}

static int no_common_list(const struct run *a, const struct run *b)
{
    const struct record *x = a->lists[0].record, *y = b->lists[0].record;
    return error_set(
        ERR_USAGE,
        "'%s' and '%s' cannot be compared: the first was evaluated on %s, %s classes, the second on "
        "%s, %s classes",
        a->dir, b->dir, x->dataset, class_subset_names[x->subset], y->dataset, class_subset_names[y->subset]);
}

/* Sets `is_common` if every run has list `i` of the first run. */
static int check_list(bool *is_common, struct page *p, const struct record *record)
{
    *is_common = true;
    for (size_t k = 1; k < p->n_runs; k++) {
        const struct run_list *other = find_list(&p->runs[k], record);
        int status = other ? compare_lists(&p->runs[0], record, &p->runs[k], other->record) : OK;
        if (status != OK)
            return status;
        if (!other && *is_common)
            status = page_note(p, "%s, %s classes are left out: '%s' was not evaluated on them",
                               record->dataset, class_subset_names[record->subset], p->runs[k].dir);
        *is_common = *is_common && other;
        if (status != OK)
            return status;
    }
    return OK;
}

/* Every run must share a list with the first, before lists that only some have are left out. */
static int check_runs(const struct page *p)
{
    for (size_t k = 1; k < p->n_runs; k++) {
        bool has_common = false;
        for (size_t i = 0; i < p->runs[0].n_lists; i++)
            has_common = has_common || find_list(&p->runs[k], p->runs[0].lists[i].record);
        if (!has_common)
            return no_common_list(&p->runs[0], &p->runs[k]);
    }
    return OK;
}

static int add_list(struct page *p, const struct run_list *of)
{
    const struct record *record = of->record;
    int status = array_grow(&p->lists, p->n_lists, sizeof *p->lists);
    if (status != OK)
        return status;
    struct list *list = &p->lists[p->n_lists++];
    *list = (struct list){.dataset = str_dup(record->dataset),
                          .subset = record->subset,
                          .n_images = record->n_images,
                          .is_synthetic = record->synthetic,
                          .is_published = record->as_published};
    list->names = calloc((size_t)record->n_classes + 1, sizeof *list->names);
    if (!list->dataset || !list->names)
        return error_out_of_memory();
    list->n_classes = record->n_classes;
    for (int64_t k = 0; k < list->n_classes; k++) {
        const char *name = of->predictions.names[k];
        list->names[k] = name[0] ? str_dup(name) : str_format("class %" PRId64, k);
        if (!list->names[k])
            return ERR_MEMORY;
    }
    return OK;
}

/* Puts the lists of a run into the order of the page, and drops the others. */
static int order_lists(struct run *r, const struct page *p)
{
    struct run_list *ordered = calloc(p->n_lists + 1, sizeof *ordered);
    if (!ordered)
        return error_out_of_memory();
    for (size_t i = 0; i < r->n_lists; i++) {
        bool is_kept = false;
        for (size_t k = 0; k < p->n_lists; k++)
            if (strcmp(p->lists[k].dataset, r->lists[i].record->dataset) == 0 &&
                p->lists[k].subset == r->lists[i].record->subset) {
                ordered[k] = r->lists[i];
                is_kept = true;
            }
        if (!is_kept)
            predictions_free(&r->lists[i].predictions);
    }
    free(r->lists);
    r->lists = ordered;
    r->n_lists = p->n_lists;
    return OK;
}

int lists_make(struct page *p)
{
    static const enum class_subset order[] = {CLASS_SUBSET_BASE, CLASS_SUBSET_NEW, CLASS_SUBSET_ALL};
    struct run *first = &p->runs[0];
    int status = check_runs(p);
    for (size_t k = 0; status == OK && k < 3; k++)
        for (size_t i = 0; status == OK && i < first->n_lists; i++) {
            bool is_common = false;
            if (first->lists[i].record->subset != order[k])
                continue;
            status = check_list(&is_common, p, first->lists[i].record);
            if (status == OK && is_common)
                status = add_list(p, &first->lists[i]);
        }
    if (status == OK && p->n_lists == 0)
        status =
            error_set(ERR_USAGE, "the runs cannot be compared: no list of images is common to all of them");
    for (size_t k = 0; status == OK && k < p->n_runs; k++)
        status = order_lists(&p->runs[k], p);
    return status;
}

/* ---------------------------------------------------------------- pictures */

/* The files of a list, NULL for those that are not there. */
static int copy_files(char ***out, const struct dataset *d, const struct item_list *items)
{
    *out = calloc(items->n + 1, sizeof **out);
    if (!*out)
        return error_out_of_memory();
    for (size_t i = 0; i < items->n; i++)
        if (!((*out)[i] = item_file(d->image_dir, &items->items[i])))
            return ERR_MEMORY;
    return OK;
}

static int copy_names(char **names, const struct dataset *d, enum class_subset subset, int64_t n_classes)
{
    int64_t first = 0, n = 0;
    class_subset_range(&first, &n, subset, d->n_classes);
    for (int64_t k = 0; k < n && k < n_classes; k++) {
        char *name = str_dup(d->class_names[first + k]);
        if (!name)
            return ERR_MEMORY;
        free(names[k]);
        names[k] = name;
    }
    return OK;
}

static int fill_list(struct page *p, size_t i, const struct dataset *d)
{
    struct list *list = &p->lists[i];
    struct item_list items = {0};
    struct found_files found = {0};
    char digest[DIGEST_HEX_SIZE];
    int status = OK;
    if ((status = item_list_subset(&items, &d->test, list->subset, d->n_classes)) == OK &&
        (status = item_list_digest(digest, &items)) == OK) {
        if (strcmp(digest, p->runs[0].lists[i].record->image_digest) != 0) {
            status = page_note(
                p, "no pictures of %s, %s classes: the images in '%s' are not those of the evaluation",
                list->dataset, class_subset_names[list->subset], d->image_dir);
        } else if ((status = dataset_look_for_files(&found, d, &items)) == OK &&
                   (status = copy_files(&list->files, d, &items)) == OK) {
            list->n_files = items.n;
            status = copy_names(list->names, d, list->subset, list->n_classes);
        }
    }
    found_files_free(&found);
    item_list_free(&items);
    return status;
}

static int copy_sample(struct sample *out, const struct dataset *d, const struct item_list *items,
                       enum class_subset subset)
{
    int64_t first = 0;
    class_subset_range(&first, &out->n_classes, subset, d->n_classes);
    out->names = calloc((size_t)out->n_classes + 1, sizeof *out->names);
    out->labels = calloc(items->n + 1, sizeof *out->labels);
    if (!out->names || !out->labels)
        return error_out_of_memory();
    int status = copy_files(&out->files, d, items);
    out->n = status == OK ? items->n : 0;
    for (size_t i = 0; i < out->n; i++)
        out->labels[i] = items->items[i].label;
    return status == OK ? copy_names(out->names, d, subset, out->n_classes) : status;
}

static bool has_sample(const struct page *p, const char *digest)
{
    for (size_t i = 0; i < p->n_samples; i++)
        if (strcmp(p->runs[p->samples[i].run].provenance.sample_digest, digest) == 0)
            return true;
    return false;
}

/* Draws the sample of a run again; it must be the one that the checkpoint has a digest of. */
static int fill_sample(struct page *p, size_t run, const struct dataset *d)
{
    const struct run *r = &p->runs[run];
    struct item_list items = {0};
    char digest[DIGEST_HEX_SIZE];
    if (!r->is_trained || r->provenance.imported.n > 0 || has_sample(p, r->provenance.sample_digest))
        return OK;
    int status = config_draw_sample(&items, NULL, r->config, d);
    if (status == OK)
        status = item_list_digest(digest, &items);
    if (status != OK && status != ERR_MEMORY) {
        status = page_note(p, "no pictures of the training of '%s': %s", r->dir, error_message());
    } else if (status == OK && strcmp(digest, r->provenance.sample_digest) != 0) {
        status =
            page_note(p, "no pictures of the training of '%s': the sample drawn from '%s' is another one",
                      r->dir, d->image_dir);
    } else if (status == OK && (status = array_grow(&p->samples, p->n_samples, sizeof *p->samples)) == OK) {
        p->samples[p->n_samples] = (struct sample){.run = run};
        status = copy_sample(&p->samples[p->n_samples++], d, &items, r->config->data_classes);
    }
    item_list_free(&items);
    return status;
}

static int open_dataset(struct dataset **out, const struct page *p, const char *name)
{
    struct dataset_options options = config_dataset_options(p->runs[0].config, name);
    options.root = p->options->data_root ? p->options->data_root : options.root;
    return dataset_open(out, &options);
}

static int fill_dataset(struct page *p, const char *name)
{
    struct dataset *d = NULL;
    int status = open_dataset(&d, p, name);
    if (status != OK && status != ERR_MEMORY)
        return page_note(p, "no pictures of %s: %s", name, error_message());
    for (size_t i = 0; status == OK && i < p->n_lists; i++)
        if (strcmp(p->lists[i].dataset, name) == 0)
            status = fill_list(p, i, d);
    for (size_t i = 0; status == OK && i < p->n_runs; i++)
        if (strcmp(p->runs[i].config->data_dataset, name) == 0)
            status = fill_sample(p, i, d);
    dataset_free(d);
    return status;
}

int lists_find_pictures(struct page *p)
{
    struct str_list names = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < p->n_lists; i++)
        if (!str_list_has(&names, p->lists[i].dataset))
            status = str_list_add(&names, p->lists[i].dataset);
    const char *trained_on = p->runs[0].config->data_dataset;
    if (status == OK && !str_list_has(&names, trained_on))
        status = str_list_add(&names, trained_on);
    for (size_t i = 0; status == OK && i < names.n; i++)
        status = fill_dataset(p, names.items[i]);
    str_list_free(&names);
    return status;
}
