/* The values that an option or a key can have. */
#include <string.h>

#include "prompt/data/catalog.h"
#include "shell.h"

const char *const shell_names[] = {"bash", "zsh", NULL};

static void append_word(struct str *out, const char *word)
{
    str_appendf(out, "%s%s", out->len > 0 ? " " : "", word);
}

void shell_append_choices(struct str *out, const char *key)
{
    const struct config_key *row = config_key(config_find(key));
    struct str words = {0};
    if (strcmp(key, "data.dataset") == 0) {
        for (const struct catalog_entry *e = catalog; e->name; e++)
            append_word(&words, e->name);
    } else if (strcmp(key, "device") == 0) {
        str_append(&words, "auto cpu cuda");
    } else if (row->type == CONFIG_BOOL) {
        str_append(&words, "true false");
    } else if (row->type == CONFIG_ENUM) {
        for (size_t i = 0; row->names[i]; i++)
            append_word(&words, row->names[i]);
    }
    str_append(out, str_text(&words));
    out->failed = out->failed || words.failed;
    str_free(&words);
}

enum shell_kind shell_kind_of(const struct opt *opt)
{
    const char *name = opt->value_name;
    if (!name)
        return SHELL_NOTHING;
    if (strcmp(name, "FILE") == 0)
        return SHELL_FILE;
    if (strcmp(name, "DIR") == 0)
        return SHELL_FOLDER;
    if (strcmp(name, "KEY=VALUE") == 0)
        return SHELL_ASSIGNMENT;
    if (!opt->key)
        return SHELL_ANY;
    struct str words = {0};
    shell_append_choices(&words, opt->key);
    const bool has_words = words.len > 0;
    str_free(&words);
    return has_words ? SHELL_CHOICE : SHELL_ANY;
}
