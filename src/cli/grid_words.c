/* The words of the commands that do a job of a grid. */
#include "grid_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_words(struct str_list *out, const char *const *words)
{
    int status = OK;
    for (; status == OK && *words; words++)
        status = str_list_add(out, *words);
    return status;
}

/* Adds --set KEY=VALUE for the keys in which a job differs from its preset, and for given runtime keys. */
static int add_sets(struct str_list *out, const struct grid_job *job)
{
    bool *changed = NULL;
    int status = experiment_changed_keys(&changed, job->row, &job->config);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++) {
        const bool is_given = !config_key(i)->is_hashed && job->config.origins[i] == CONFIG_COMMAND_LINE;
        if (!changed[i] && !is_given)
            continue;
        struct str word = {0};
        str_appendf(&word, "%s=", config_key(i)->key);
        config_write_value(&word, &job->config, i);
        if ((status = str_status(&word)) == OK)
            status = add_words(out, (const char *[]){"--set", str_text(&word), NULL});
        str_free(&word);
    }
    free(changed);
    return status;
}

static int add_number(struct str_list *out, const char *option, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return value > 0 ? add_words(out, (const char *[]){option, text, NULL}) : OK;
}

/* Adds --datasets with the remaining evaluations of the job. */
static int add_targets(struct str_list *out, const struct grid_job *job)
{
    struct str targets = {0};
    for (size_t i = 0; i < job->unscored.n; i++)
        str_appendf(&targets, "%s%s", i > 0 ? "," : "", job->unscored.items[i]);
    int status = str_status(&targets);
    if (status == OK)
        status = add_words(out, (const char *[]){"--datasets", str_text(&targets), NULL});
    str_free(&targets);
    return status;
}

int grid_train_words(struct str_list *out, const struct grid_setup *s, const struct grid_job *job)
{
    const struct str_list *t = &job->unscored;
    const bool is_own = t->n == 1 && strcmp(t->items[0], job->config.data_dataset) == 0;
    int status = OK;
    if ((status = add_words(
             out, (const char *[]){"train", "--config", job->row->path, "--out", job->folder, NULL})) == OK &&
        (status = add_sets(out, job)) == OK &&
        /* names of other data sets are checked before the training */
        (status = t->n == 0 || is_own ? OK : add_targets(out, job)) == OK)
        status = add_number(out, "--max-steps", s->options->max_steps);
    return status == OK && job->is_begun ? str_list_add(out, "--resume") : status;
}

int grid_eval_words(struct str_list *out, const struct grid_setup *s, const struct grid_job *job)
{
    const bool trains = config_trains(&job->config);
    const char *classes = !s->experiment->has_halves          ? "all"
                          : job->lacks_base && job->lacks_new ? "base,new"
                          : job->lacks_base                   ? "base"
                                                              : "new";
    const char *const of_run[] = {"eval", "--run", job->folder, NULL};
    const char *const of_preset[] = {"eval", "--config", job->row->path, "--out", job->folder, NULL};
    int status = OK;
    if ((status = add_words(out, trains ? of_run : of_preset)) == OK &&
        (status = add_words(out, (const char *[]){"--classes", classes, NULL})) == OK &&
        (status = add_targets(out, job)) == OK && (status = add_sets(out, job)) == OK)
        status = add_number(out, "--limit", s->options->limit);
    return status;
}
