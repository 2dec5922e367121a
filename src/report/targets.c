/* Groups of data sets, from the catalog. */
#include "prompt/report/targets.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/data/catalog.h"

/* The source of the cross-dataset protocol, which is not among its targets. */
static const char SOURCE[] = "imagenet";

static bool is_in_group(const struct catalog_entry *e, const char *group)
{
    const bool is_main = e->group == CATALOG_MAIN, is_variant = e->group == CATALOG_VARIANT;
    if (strcmp(group, "main") == 0)
        return is_main;
    if (strcmp(group, "cross") == 0)
        return is_main && strcmp(e->name, SOURCE) != 0;
    if (strcmp(group, "domain") == 0)
        return is_variant;
    return strcmp(group, "all") == 0 && (is_main || is_variant);
}

static int add_once(struct str_list *out, const char *name)
{
    return str_list_has(out, name) ? OK : str_list_add(out, name);
}

static int add_word(struct str_list *out, const char *word)
{
    int status = OK;
    bool is_group = false;
    for (const struct catalog_entry *e = catalog; status == OK && e->name; e++) {
        if (!is_in_group(e, word))
            continue;
        is_group = true;
        status = add_once(out, e->name);
    }
    if (is_group || status != OK)
        return status;
    const struct catalog_entry *entry = NULL;
    status = catalog_find(&entry, word);
    return status == OK ? add_once(out, entry->name) : status;
}

int targets_parse(struct str_list *out, const char *list)
{
    struct str_list words = {0};
    int status = str_list_split(&words, list);
    if (status == OK && words.n == 0)
        status = error_set(ERR_USAGE, "no data set is named: expected names, or all, main, cross or domain");
    for (size_t i = 0; status == OK && i < words.n; i++)
        status = add_word(out, words.items[i]);
    str_list_free(&words);
    return status;
}

const char *target_display_name(const char *name)
{
    const struct catalog_entry *entry = catalog_get(name);
    return entry ? entry->display_name : name;
}
