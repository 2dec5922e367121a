/* One configuration from its sources: the order of precedence is here and nowhere else. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "prompt/base/file.h"

static int read_run(struct config *c, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    int status = file_read(&text, &n, path);
    if (status == OK)
        status = config_read_text(c, text, n, path, CONFIG_RUN);
    free(text);
    return status;
}

static int set_all(struct config *c, const struct str_list *sets)
{
    int status = OK;
    for (size_t i = 0; status == OK && sets && i < sets->n; i++)
        status = config_set(c, sets->items[i]);
    return status;
}

/* Two values for one key are a conflict, not a precedence. */
static int check_first(const struct config *c, const char *key, size_t n)
{
    char *name = str_dup_n(key, n);
    if (!name)
        return ERR_MEMORY;
    const size_t i = config_find(name);
    int status = OK;
    if (i < config_n_keys() && c->origins[i] == CONFIG_COMMAND_LINE)
        status = error_set(ERR_USAGE, "key '%s' is set twice on the command line", name);
    free(name);
    return status;
}

static int apply_setting(struct config *c, const struct config_setting *s)
{
    const char *key = s->key ? s->key : s->text;
    int status = check_first(c, key, strcspn(key, "="));
    if (status != OK)
        return status;
    status = s->key ? config_set_key(c, s->key, s->text) : config_set(c, s->text);
    return status == OK ? OK : error_context("--%s %s", s->option, s->text);
}

int config_resolve(struct config *out, const struct config_sources *from)
{
    int status = config_init(out);
    if (status == OK && from->run_file)
        status = read_run(out, from->run_file);
    if (status == OK && from->run_text)
        status = config_read_text(out, from->run_text, strlen(from->run_text), from->run_name, CONFIG_RUN);
    if (status == OK && from->file)
        status = config_read_file(out, from->file);
    if (status == OK && (status = set_all(out, from->row_sets)) == OK &&
        (status = set_all(out, from->dataset_sets)) == OK)
        status = set_all(out, from->user_sets);
    for (size_t i = 0; status == OK && i < from->n_settings; i++)
        status = apply_setting(out, &from->settings[i]);
    if (status == OK)
        status = set_all(out, from->fixed_sets);
    if (status != OK)
        config_free(out);
    return status;
}
