/* The options of experiments. */
#include "experiment_args.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_targets.h"

const struct opt experiment_options[] = {
    {"table", "NAME", NULL, false,
     "the experiment: 1 to 5, figure8a to figure8d or fewshot; the keys of configs/tables.json"},
    {"methods", "LIST", NULL, true, "rows by name, as in CLIP,ProMPT, or all (all but the optional ones)"},
    {"datasets", "LIST", NULL, true, "names, main, cross, domain or all (those of the table)"},
    {"seeds", "LIST", NULL, true, "seeds of the runs (1,2,3)"},
    {"set", "KEY=VALUE", NULL, true, "override a key in every row; the table reports it"},
    {"tables", "FILE", NULL, false, "the file of tables (this program's configs/tables.json)"},
    {"paper-rounding", NULL, NULL, false,
     "round to one decimal per seed and two for means, in the rows whose published cells were made so"},
    {.name = NULL},
};

static int split_all(struct str_list *out, const struct opt_values *v, const char *name)
{
    int status = OK;
    const char *text = NULL;
    for (size_t i = 0; status == OK && (text = opt_nth(v, name, i)); i++)
        status = str_list_split(out, text);
    return status;
}

static int read_seeds(struct experiment_args *a, const struct opt_values *v)
{
    struct str_list texts = {0};
    int status = split_all(&texts, v, "seeds");
    if (status == OK && texts.n == 0)
        status = str_list_split(&texts, "1,2,3");
    a->seeds = calloc(texts.n + 1, sizeof *a->seeds);
    if (!a->seeds)
        status = error_out_of_memory();
    for (size_t i = 0; status == OK && i < texts.n; i++) {
        int64_t *seed = &a->seeds[a->n_seeds++];
        if (str_parse_i64(seed, texts.items[i]) != OK || *seed < 0 || *seed > UINT32_MAX)
            status = error_set(ERR_USAGE,
                               "option '--seeds': expected whole numbers from 0 to %" PRIu32 ", found '%s'",
                               UINT32_MAX, texts.items[i]);
        for (size_t j = 0; status == OK && j + 1 < a->n_seeds; j++)
            if (a->seeds[j] == *seed)
                status = error_set(ERR_USAGE, "option '--seeds': %s is given twice", texts.items[i]);
    }
    str_list_free(&texts);
    return status;
}

/* The key of an assignment that an experiment sets itself. */
static int check_free(const char *assignment)
{
    static const char *const taken[][2] = {{"seed", "give --seeds"},
                                           {"data.dataset", "give --datasets"},
                                           {"data.split_file", "each data set of a table has its own"},
                                           {"data.image_dir", "each data set of a table has its own"}};
    const size_t n = strcspn(assignment, "=");
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strlen(taken[i][0]) == n && strncmp(taken[i][0], assignment, n) == 0)
            return error_set(ERR_USAGE, "--set %s: %s", assignment, taken[i][1]);
    return OK;
}

/* All of --set and of the options that are keys; wrong ones are reported before anything runs. */
static int read_sets(struct experiment_args *a, const struct opt_values *v)
{
    struct config scratch = {0};
    int status = opt_resolve(&scratch, v, NULL);
    for (size_t i = 0; status == OK && i < config_n_keys(); i++) {
        if (scratch.origins[i] != CONFIG_COMMAND_LINE)
            continue;
        struct str assignment = {0};
        str_appendf(&assignment, "%s=", config_key(i)->key);
        config_write_value(&assignment, &scratch, i);
        if ((status = str_status(&assignment)) == OK && (status = check_free(str_text(&assignment))) == OK)
            status = str_list_add(&a->sets, str_text(&assignment));
        str_free(&assignment);
    }
    config_free(&scratch);
    return status;
}

int experiment_args_read(struct experiment_args *out, const struct opt_values *v)
{
    *out = (struct experiment_args){0};
    const char *tables = opt_text(v, "tables");
    int status =
        tables ? ((out->tables = str_dup(tables)) ? OK : ERR_MEMORY) : experiment_find_tables(&out->tables);
    if (status == OK && (status = split_all(&out->methods, v, "methods")) == OK &&
        (status = cmd_read_targets(&out->datasets, v)) == OK)
        status = read_seeds(out, v);
    return status == OK ? read_sets(out, v) : status;
}

bool experiment_args_change(const struct experiment_args *a)
{
    for (size_t i = 0; i < a->sets.n; i++)
        if (experiment_is_changed(a->sets.items[i]))
            return true;
    return false;
}

void experiment_args_free(struct experiment_args *a)
{
    free(a->tables);
    free(a->seeds);
    str_list_free(&a->methods);
    str_list_free(&a->datasets);
    str_list_free(&a->sets);
    *a = (struct experiment_args){0};
}

struct score_options experiment_args_scores(const struct experiment_args *a, const struct opt_values *v)
{
    return (struct score_options){.datasets = &a->datasets,
                                  .seeds = a->seeds,
                                  .n_seeds = a->n_seeds,
                                  .sets = &a->sets,
                                  .paper_rounding = opt_given(v, "paper-rounding")};
}
