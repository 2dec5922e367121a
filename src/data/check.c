/* prompt data check, except for its output. */
#include "prompt/data/check.h"
#include "prompt/data/dataset_open.h"
#include "prompt/data/find_files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "locate.h"
#include "prompt/base/file.h"
#include "prompt/data/repeated.h"
#include "prompt/image/image.h"

const char *const check_state_names[] = {"complete", "differs", "incomplete", "absent", NULL};

/* Begins another problem, which makes the set incomplete. */
static struct str *add_problem(struct dataset_check *c)
{
    c->state = CHECK_INCOMPLETE;
    if (c->problem.len > 0)
        str_append(&c->problem, "; ");
    return &c->problem;
}

/* ---------------------------------------------------------------- decoding */

/* The format that a file's ending promises; NULL for an unknown ending. */
static const char *promised_format(const char *path)
{
    static const struct {
        const char *ending;
        const char *format;
    } table[] = {{"jpg", "JPEG"}, {"jpeg", "JPEG"}, {"jpe", "JPEG"}, {"jfif", "JPEG"},
                 {"png", "PNG"},  {"bmp", "BMP"},   {"gif", "GIF"},  {"webp", "WebP"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof table / sizeof table[0]; i++)
        if (strcasecmp(dot + 1, table[i].ending) == 0)
            return table[i].format;
    return NULL;
}

static void note_odd(struct dataset_check *c, const char *path, const char *format)
{
    if (c->n_odd++ == 0)
        str_appendf(&c->first_odd, "'%s' is %s", path, format);
}

/* Decodes one image and counts the outcome. */
static int decode(struct dataset_check *c, const char *path, bool deep)
{
    struct image image = {0};
    int status = image_read(&image, path);
    if (image.damage && c->n_damaged++ == 0)
        str_appendf(&c->first_damaged, "'%s': %s", path, image.damage);
    image_free(&image);
    if (status == ERR_MEMORY)
        return status;
    if (status != OK) {
        if (c->n_undecodable++ == 0)
            str_append(&c->first_undecodable, error_message());
        error_clear();
        return OK;
    }
    c->n_decoded++;
    const char *format = image_format(path);
    const char *promised = promised_format(path);
    if (deep && promised && strcmp(format, promised) != 0)
        note_odd(c, path, format);
    return OK;
}

static int decode_item(struct dataset_check *c, const struct item *item, bool deep)
{
    char *path = item_file(c->dataset->image_dir, item);
    int status = !path ? ERR_MEMORY : dataset_has_file(path) ? decode(c, path, deep) : OK;
    free(path);
    return status;
}

/* All images, or the first of each class that exists. */
static int decode_images(struct dataset_check *c, bool deep, check_progress *progress, void *user)
{
    const struct dataset *d = c->dataset;
    const struct item_list *const lists[] = {&d->train, &d->val, &d->test};
    const size_t n_images = d->train.n + d->val.n + d->test.n;
    bool *is_known = calloc((size_t)d->n_classes + 1, sizeof *is_known);
    size_t n_done = 0;
    int status = is_known ? OK : error_out_of_memory();
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++)
        for (size_t i = 0; status == OK && i < lists[l]->n; i++) {
            const struct item *item = &lists[l]->items[i];
            const size_t n_before = c->n_decoded + c->n_undecodable;
            if (deep || !is_known[item->label])
                status = decode_item(c, item, deep);
            is_known[item->label] = is_known[item->label] || c->n_decoded + c->n_undecodable > n_before;
            if (progress && deep)
                progress(user, c, ++n_done, n_images);
        }
    free(is_known);
    if (status == OK && c->n_undecodable > 0)
        str_appendf(add_problem(c), "%zu %s cannot be decoded, first: %s", c->n_undecodable,
                    plural(c->n_undecodable, "image", "images"), str_text(&c->first_undecodable));
    return status;
}

/* ---------------------------------------------------------------- files and counts */

static int find_all(struct dataset_check *c)
{
    struct dataset *d = c->dataset;
    struct item_list *const lists[] = {&d->train, &d->val, &d->test};
    int status = OK;
    for (size_t l = 0; status == OK && l < sizeof lists / sizeof lists[0]; l++)
        status = dataset_look_for_files(&c->files, d, lists[l]);
    if (status == OK && c->files.n_missing > 0)
        status = found_files_describe(add_problem(c), &c->files, d);
    if (status == OK && c->files.empty.n > 0)
        str_appendf(add_problem(c), "%zu of %zu %s without a byte, first: %s", c->files.empty.n,
                    c->files.n_images, plural(c->files.n_images, "image is a file", "images are files"),
                    str_text(&c->files.empty.first));
    if (status == OK && c->files.special.n > 0)
        str_appendf(add_problem(c),
                    "%zu of %zu %s %s not a file (a folder, a pipe, a socket or a device), first: %s",
                    c->files.special.n, c->files.n_images, plural(c->files.n_images, "image", "images"),
                    plural(c->files.special.n, "is", "are"), str_text(&c->files.special.first));
    return status;
}

static int find_repeated(struct dataset_check *c)
{
    struct repeated_images repeated;
    int status = repeated_find(&repeated, c->dataset);
    c->n_repeated = repeated.n;
    if (status == OK && repeated.n > 0)
        repeated_describe(add_problem(c), &repeated, c->dataset);
    return status;
}

/* ---------------------------------------------------------------- the published lists */

static int compare_known(struct dataset_check *c)
{
    struct str difference = {0};
    int status = dataset_compare_known(&difference, c->dataset);
    if (status == OK && difference.len > 0) {
        if (c->state == CHECK_COMPLETE)
            c->state = CHECK_DIFFERS; /* the line says so already */
        else
            str_append(&c->problem, "; not the published split: ");
        str_append(&c->problem, str_text(&difference));
    }
    str_free(&difference);
    return status;
}

/* A set without any files is absent; one that cannot be read is incomplete, and the error says why. */
static int note_failure(struct dataset_check *c, const struct dataset_options *o, int status)
{
    if (status == ERR_USAGE || status == ERR_MEMORY)
        return status;
    c->state = CHECK_INCOMPLETE;
    const char *message = error_message();
    const char *after_name = strstr(message, "': "); /* the printed line begins with the name */
    str_append(&c->problem, str_starts_with(message, "data set '") && after_name ? after_name + 3 : message);
    error_clear();
    struct location location = {0};
    const bool is_named = o->image_dir && o->image_dir[0];
    const char *root = o->root ? o->root : "";
    if (!is_named && dir_check(root) == OK && (status = location_open(&location, c->entry, root)) == OK &&
        !location_exists(&location.entry, location.root))
        c->state = CHECK_ABSENT;
    location_close(&location);
    error_clear();
    return status == ERR_MEMORY ? status : str_status(&c->problem);
}

int dataset_check(struct dataset_check *out, const struct dataset_options *options, bool deep,
                  check_progress *progress, void *user)
{
    *out = (struct dataset_check){.state = CHECK_COMPLETE};
    int status = catalog_find(&out->entry, options->name);
    if (status != OK)
        return status;
    status = dataset_open(&out->dataset, options);
    if (status != OK)
        return note_failure(out, options, status);
    if ((status = find_all(out)) == OK && (status = find_repeated(out)) == OK)
        status = decode_images(out, deep, progress, user);
    if (status == OK && out->files.n_missing == 0)
        status = compare_known(out);
    return status == OK ? str_status(&out->problem) : status;
}

void dataset_check_free(struct dataset_check *check)
{
    dataset_free(check->dataset);
    found_files_free(&check->files);
    str_free(&check->problem);
    str_free(&check->first_undecodable);
    str_free(&check->first_odd);
    str_free(&check->first_damaged);
    *check = (struct dataset_check){0};
}
