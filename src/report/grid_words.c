/* How a job is called: the name of its folder, and the words of its commands. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "grid_internal.h"

/* ---------------------------------------------------------------- what a preset does not say */

/* Keys in which a job leaves its preset, and places and machine settings that were given. */
static bool is_said(const struct config *preset, const struct config *c, size_t i, bool *status_failed)
{
    if (!config_key(i)->is_hashed)
        return c->origins[i] == CONFIG_COMMAND_LINE;
    struct str a = {0};
    struct str b = {0};
    config_write_value(&a, preset, i);
    config_write_value(&b, c, i);
    const bool differs = strcmp(str_text(&a), str_text(&b)) != 0;
    *status_failed = *status_failed || a.failed || b.failed;
    str_free(&a);
    str_free(&b);
    return differs;
}

static int read_preset(struct config *out, const struct grid_job *job)
{
    int status = config_init(out);
    if (status == OK)
        status = config_read_file(out, job->row->path);
    return status == OK ? config_settle(out) : status;
}

/* Adds --set KEY=VALUE for each. */
static int add_sets(struct str_list *out, const struct grid_job *job)
{
    struct config preset;
    bool failed = false;
    int status = read_preset(&preset, job);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++) {
        if (!is_said(&preset, &job->config, i, &failed))
            continue;
        struct str word = {0};
        str_appendf(&word, "%s=", config_key(i)->key);
        config_write_value(&word, &job->config, i);
        if ((status = str_status(&word)) == OK && (status = str_list_add(out, "--set")) == OK)
            status = str_list_add(out, str_text(&word));
        str_free(&word);
    }
    config_free(&preset);
    return status == OK && failed ? error_out_of_memory() : status;
}

int grid_name_folder(struct grid_job *job, const char *out_dir)
{
    struct config preset;
    struct str path = {0};
    bool failed = false;
    const char *separator = "/";
    int status = read_preset(&preset, job);
    str_appendf(&path, "%s/%s", out_dir, job->row->preset);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++) {
        const char *key = config_key(i)->key;
        if (!config_key(i)->is_hashed || strcmp(key, "seed") == 0 || strcmp(key, "data.dataset") == 0 ||
            !is_said(&preset, &job->config, i, &failed))
            continue;
        struct str value = {0};
        config_write_value(&value, &job->config, i);
        str_appendf(&path, "%s%s=", separator, key);
        for (const char *c = str_text(&value); *c != '\0'; c++)
            if (*c != '"')
                str_append_char(&path, isalnum((unsigned char)*c) || strchr("._+-", *c) ? *c : '_');
        failed = failed || value.failed;
        str_free(&value);
        separator = "+";
    }
    str_appendf(&path, "/%s/seed%lld", job->config.data_dataset, (long long)job->config.seed);
    config_free(&preset);
    job->folder = path.data;
    return status == OK && (failed || path.failed) ? error_out_of_memory() : status;
}

/* ---------------------------------------------------------------- words */

static int add_words(struct str_list *out, const char *const *words)
{
    int status = OK;
    for (; status == OK && *words; words++)
        status = str_list_add(out, *words);
    return status;
}

static int add_number(struct str_list *out, const char *option, int64_t value)
{
    char *text = value > 0 ? str_format("%lld", (long long)value) : NULL;
    int status = value > 0 && !text ? ERR_MEMORY : OK;
    if (status == OK && text)
        status = add_words(out, (const char *[]){option, text, NULL});
    free(text);
    return status;
}

/* What the job will be evaluated on, with commas between. */
static int append_targets(struct str *out, const struct grid_job *job)
{
    for (size_t i = 0; i < job->unscored.n; i++)
        str_appendf(out, "%s%s", i > 0 ? "," : "", job->unscored.items[i]);
    return str_status(out);
}

/* Names of other data sets are checked before the training. */
static int add_targets(struct str_list *out, const struct grid_job *job)
{
    const struct str_list *t = &job->unscored;
    if (t->n == 0 || (t->n == 1 && strcmp(t->items[0], job->config.data_dataset) == 0))
        return OK;
    struct str targets = {0};
    int status = append_targets(&targets, job);
    if (status == OK)
        status = add_words(out, (const char *[]){"--datasets", str_text(&targets), NULL});
    str_free(&targets);
    return status;
}

int grid_train_words(struct str_list *out, const struct grid *g, const struct grid_job *job)
{
    int status =
        add_words(out, (const char *[]){"train", "--config", job->row->path, "--out", job->folder, NULL});
    if (status == OK && (status = add_sets(out, job)) == OK && (status = add_targets(out, job)) == OK)
        status = add_number(out, "--max-steps", g->options->max_steps);
    return status == OK && job->is_begun ? str_list_add(out, "--resume") : status;
}

int grid_eval_words(struct str_list *out, const struct grid *g, const struct grid_job *job)
{
    const bool trains = config_trains(&job->config);
    const char *classes = !g->experiment->has_halves          ? "all"
                          : job->lacks_base && job->lacks_new ? "base,new"
                          : job->lacks_base                   ? "base"
                                                              : "new";
    struct str targets = {0};
    int status = OK;
    if ((status = append_targets(&targets, job)) == OK &&
        (status = (trains ? add_words(out, (const char *[]){"eval", "--run", job->folder, NULL})
                          : add_words(out, (const char *[]){"eval", "--config", job->row->path, "--out",
                                                            job->folder, NULL}))) == OK &&
        (status = add_words(
             out, (const char *[]){"--classes", classes, "--datasets", str_text(&targets), NULL})) == OK &&
        (status = add_sets(out, job)) == OK)
        status = add_number(out, "--limit", g->options->limit);
    str_free(&targets);
    return status;
}
