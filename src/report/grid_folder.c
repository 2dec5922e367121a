/* The name of a job's folder, and the keys that tell the job from its row's preset. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "grid_internal.h"

int grid_changed_keys(bool **out, const struct grid_job *job)
{
    struct config preset = {0};
    bool *changed = calloc(config_n_keys(), sizeof *changed);
    int status = changed ? OK : error_out_of_memory();
    if (status == OK &&
        (status = config_resolve(&preset, &(struct config_sources){.file = job->row->path})) == OK)
        status = config_settle(&preset);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++)
        changed[i] = config_key(i)->is_hashed && !config_is_same(&preset, &job->config, i);
    config_free(&preset);
    if (status != OK)
        free(changed);
    *out = status == OK ? changed : NULL;
    return status;
}

/* A value as part of a name: without quotes, and '_' for what a shell or a file system may mind. */
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

int grid_name_folder(struct grid_job *job, const char *out_dir)
{
    struct str path = {0};
    bool *changed = NULL;
    const char *separator = "/";
    int status = grid_changed_keys(&changed, job);
    str_appendf(&path, "%s/%s", out_dir, job->row->preset);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        if (!changed[i] || strcmp(key, "seed") == 0 || strcmp(key, "data.dataset") == 0)
            continue;
        str_appendf(&path, "%s%s=", separator, key);
        append_value(&path, &job->config, i);
        separator = "+";
    }
    str_appendf(&path, "/%s/seed%" PRId64, job->config.data_dataset, job->config.seed);
    free(changed);
    job->folder = path.data;
    return status == OK ? str_status(&path) : status;
}
