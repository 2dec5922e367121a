/* prompt data check, without the printing. */
#include "prompt/data/check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "prompt/base/file.h"
#include "prompt/data/image.h"
#include "readers.h"

const char *const check_state_names[] = {"complete", "differs", "incomplete", "absent", NULL};

/* ---------------------------------------------------------------- deep */

/* The format that a file's name promises; NULL for a name that promises nothing. */
static const char *promised_format(const char *path)
{
    static const struct {
        const char *ending;
        const char *format;
    } table[] = {{"jpg", "JPEG"}, {"jpeg", "JPEG"}, {"png", "PNG"}, {"bmp", "BMP"}, {"gif", "GIF"}};
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

/* Decodes one image; one that cannot be is counted. */
static int decode(struct dataset_check *c, const char *path)
{
    struct image image = {0};
    int status = image_read(&image, path);
    image_free(&image);
    if (status == ERR_MEMORY)
        return status;
    if (status != OK) {
        if (c->n_undecodable++ == 0)
            str_append(&c->first_undecodable, error_message());
        error_clear();
        return OK;
    }
    const char *format = image_format(path);
    const char *promised = promised_format(path);
    if (promised && strcmp(format, promised) != 0)
        note_odd(c, path, format);
    return OK;
}

/* That goes in front of what else there is. */
static int note_undecodable(struct dataset_check *c)
{
    struct str problem = {0};
    str_appendf(&problem, "%zu images cannot be decoded, first: %s", c->n_undecodable,
                str_text(&c->first_undecodable));
    if (c->state == CHECK_DIFFERS)
        str_appendf(&problem, "; not the published split: %s", str_text(&c->problem));
    str_free(&c->problem);
    c->problem = problem;
    c->state = CHECK_INCOMPLETE;
    return str_status(&problem);
}

static int decode_all(struct dataset_check *c, check_progress *progress, void *user)
{
    const struct dataset *d = c->dataset;
    const struct item_list *const lists[] = {&d->train, &d->val, &d->test};
    const size_t n_images = d->train.n + d->val.n + d->test.n;
    size_t n_done = 0;
    int status = OK;
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++)
        for (size_t i = 0; status == OK && i < lists[l]->n; i++) {
            char *path = item_file(d->image_dir, &lists[l]->items[i]);
            status = path ? decode(c, path) : ERR_MEMORY;
            free(path);
            if (progress)
                progress(user, c, ++n_done, n_images);
        }
    return status == OK && c->n_undecodable > 0 ? note_undecodable(c) : status;
}

/* ---------------------------------------------------------------- files and counts */

static int find_all(struct dataset_check *c)
{
    struct dataset *d = c->dataset;
    struct item_list *const lists[] = {&d->train, &d->val, &d->test};
    int status = OK;
    for (size_t l = 0; status == OK && l < sizeof lists / sizeof lists[0]; l++)
        status = dataset_look_for_files(&c->files, d, lists[l]);
    if (status != OK || c->files.n_missing == 0)
        return status;
    c->state = CHECK_INCOMPLETE;
    return found_files_describe(&c->problem, &c->files, d);
}

/* A set of which nothing is there is absent; one that cannot be read is incomplete, and the error says why.
 */
static int note_failure(struct dataset_check *c, const struct dataset_options *o, int status)
{
    if (status == ERR_USAGE || status == ERR_MEMORY)
        return status;
    c->state = CHECK_INCOMPLETE;
    if (!place_exists(c->entry, o->root) && !(o->image_dir && o->image_dir[0]))
        c->state = CHECK_ABSENT;
    const char *message = error_message();
    const char *after_name = strstr(message, "': "); /* the name stands in front already */
    str_append(&c->problem, str_starts_with(message, "data set '") && after_name ? after_name + 3 : message);
    error_clear();
    return str_status(&c->problem);
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
    status = find_all(out);
    if (status == OK && out->state == CHECK_COMPLETE) {
        status = dataset_compare_known(&out->problem, out->dataset);
        if (out->problem.len > 0)
            out->state = CHECK_DIFFERS;
    }
    if (status == OK && deep && out->state != CHECK_INCOMPLETE)
        status = decode_all(out, progress, user);
    return status;
}

void dataset_check_free(struct dataset_check *check)
{
    dataset_free(check->dataset);
    found_files_free(&check->files);
    str_free(&check->problem);
    str_free(&check->first_undecodable);
    str_free(&check->first_odd);
    *check = (struct dataset_check){0};
}
