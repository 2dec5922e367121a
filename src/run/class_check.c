/* Checks whether class names fit, and whether captions tell classes apart. */
#include "prompt/run/class_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void class_check_lists(bool out[3], const struct config *config)
{
    const int64_t trained_on = config->data_classes;
    const struct method_options options = session_method_options(config);
    out[CLASS_SUBSET_ALL] = trained_on == CLASS_SUBSET_ALL;
    out[CLASS_SUBSET_BASE] = out[CLASS_SUBSET_NEW] = trained_on != CLASS_SUBSET_ALL;
    if (method_text_form(&options).per_class) /* its vectors serve only the classes that were trained */
        for (int i = 0; i < 3; i++)
            out[i] = i == trained_on;
}

/* ---------------------------------------------------------------- equal captions */

/* The token row of a class. */
struct row {
    const int64_t *ids; /* [end + 1] */
    int64_t end, label; /* label: within the subset */
};

static int compare_tokens(const struct row *a, const struct row *b)
{
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return memcmp(a->ids, b->ids, (size_t)(a->end + 1) * sizeof *a->ids);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    const int order = compare_tokens(x, y);
    return order != 0 ? order : (x->label > y->label) - (x->label < y->label);
}

/* earlier[k]: the nearest earlier class with the tokens of class k, or -1. */
static int find_equal(int64_t *earlier, const struct token_rows *captions)
{
    struct row *rows = calloc((size_t)captions->n, sizeof *rows);
    if (!rows)
        return error_out_of_memory();
    for (int64_t k = 0; k < captions->n; k++)
        rows[k] = (struct row){captions->ids + k * captions->n_tokens, captions->ends[k], k};
    qsort(rows, (size_t)captions->n, sizeof *rows, compare_rows);
    for (int64_t k = 0; k < captions->n; k++) {
        const bool is_equal = k > 0 && compare_tokens(&rows[k - 1], &rows[k]) == 0;
        earlier[rows[k].label] = is_equal ? rows[k - 1].label : -1;
    }
    free(rows);
    return OK;
}

int class_check_equal(struct session *s, const char *whose, const struct class_list *list)
{
    enum { MAX_NAMED = 3 };
    const struct token_rows *captions = &list->captions[0];
    char *const *names = list->names;
    int64_t n = 0;
    struct str pairs = {0};
    int64_t *earlier = calloc((size_t)captions->n, sizeof *earlier);
    int status = earlier ? find_equal(earlier, captions) : error_out_of_memory();
    for (int64_t k = 0; status == OK && k < captions->n; k++)
        if (earlier[k] >= 0 && n++ < MAX_NAMED)
            str_appendf(&pairs, "%s'%s' and '%s'", n > 1 ? ", " : "", names[earlier[k]], names[k]);
    if (n > MAX_NAMED)
        str_appendf(&pairs, " and %" PRId64 " more", n - MAX_NAMED);
    if (status == OK)
        status = str_status(&pairs);
    if (status == OK && n > 0)
        log_warning(s->log, "%s: the classes %s have the same caption, so no model can tell them apart",
                    whose, str_text(&pairs));
    str_free(&pairs);
    free(earlier);
    return status;
}

/* ---------------------------------------------------------------- the check */

int class_check(struct session *s, const struct dataset *d, enum class_subset subset)
{
    struct class_list list;
    int64_t first = 0, n = 0;
    class_subset_range(&first, &n, subset, d->n_classes);
    if (n == 0)
        return OK;
    char *const *names = d->class_names + first;
    int status = class_list_tokenize(&list, s, names, n, session_template(s, d));
    if (status != OK && status != ERR_MEMORY && strcmp(d->name, s->config->data_dataset) != 0)
        error_context("data set '%s'", d->name);
    if (status != OK)
        return status;
    if (n == 1)
        log_warning(s->log,
                    "data set '%s': the %s classes are one class, '%s', with no other to tell it from",
                    d->name, class_subset_names[subset], names[0]);
    char *whose = str_format("data set '%s'", d->name);
    status = whose ? class_check_equal(s, whose, &list) : ERR_MEMORY;
    free(whose);
    class_list_close(&list);
    return status;
}
