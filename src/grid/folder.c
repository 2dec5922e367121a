/* The name of a job's folder. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"

/* A value as part of a file name: without quotes, and '_' for every unusual character. */
static void append_value(struct str *out, const struct config *c, size_t i)
{
    struct str value = {0};
    config_write_value(&value, c, i);
    for (const char *p = str_text(&value); *p != '\0'; p++)
        if (*p != '"')
            str_append_char(out, isalnum((unsigned char)*p) || strchr("._+-", *p) ? *p : '_');
    out->failed = out->failed || value.failed;
    str_free(&value);
}

int grid_folder_name(char **out, const struct experiment_row *row, const struct config *c,
                     const char *out_dir)
{
    struct str path = {0};
    bool *changed = NULL;
    const char *separator = "/";
    *out = NULL;
    int status = experiment_changed_keys(&changed, row, c);
    str_appendf(&path, "%s/%s", out_dir, row->preset);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        if (!changed[i] || strcmp(key, "seed") == 0 || strcmp(key, "data.dataset") == 0)
            continue;
        str_appendf(&path, "%s%s=", separator, key);
        append_value(&path, c, i);
        separator = "+";
    }
    str_appendf(&path, "/%s/seed%" PRId64, c->data_dataset, c->seed);
    free(changed);
    if (status == OK && (status = str_status(&path)) == OK)
        *out = path.data;
    else
        str_free(&path);
    return status;
}
