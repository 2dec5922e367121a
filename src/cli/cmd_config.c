/* prompt config: every configuration key, as text or as the table of configs/README.md; or one configuration in full. */
#include <string.h>

#include "cmd.h"

/* The option that sets the key, NULL if --set alone does. */
static const char *flag_of(const char *key)
{
    for (const struct command *c = commands; c->name; c++)
        for (const struct opt_group *group = c->groups; group->title; group++)
            for (const struct opt *opt = group->opts; opt->name; opt++)
                if (opt->key && strcmp(opt->key, key) == 0)
                    return opt->name;
    return NULL;
}

static void append_text(struct str *out, const struct config *defaults, size_t i)
{
    const struct config_key *key = config_key(i);
    const char *flag = flag_of(key->key);
    str_appendf(out, "%s", key->key);
    if (flag)
        str_appendf(out, " (--%s)", flag);
    str_append(out, ": ");
    config_describe_values(out, key);
    str_append(out, "; default ");
    config_write_value(out, defaults, i);
    str_appendf(out, "\n    %s\n", key->help);
}

/* Text inside a cell: a bar would end it. */
static void append_cell(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            str_append_char(out, '\\');
        str_append_char(out, *text);
    }
}

static void append_markdown(struct str *out, const struct config *defaults, size_t i)
{
    const struct config_key *key = config_key(i);
    const char *flag = flag_of(key->key);
    str_appendf(out, "| `%s`", key->key);
    if (flag)
        str_appendf(out, ", `--%s`", flag);
    str_append(out, " | ");
    config_describe_values(out, key);
    str_append(out, " | `");
    config_write_value(out, defaults, i);
    str_append(out, "` | ");
    append_cell(out, key->help);
    const char *hashed = key->kind == CONFIG_ADDITION ? "off its default" : key->is_hashed ? "yes" : "no";
    str_appendf(out, " | %s |\n", hashed);
}

static int print_keys(const struct config *defaults, bool is_markdown)
{
    struct str text = {0};
    if (is_markdown)
        str_append(&text, "| key | values | default | meaning | in the hash |\n"
                          "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < config_n_keys(); i++) {
        if (is_markdown)
            append_markdown(&text, defaults, i);
        else
            append_text(&text, defaults, i);
    }
    int status = cmd_print(&text);
    str_free(&text);
    return status;
}

static int print_configuration(const struct opt_values *v)
{
    struct config c = {0};
    struct str text = {0};
    int status = OK;
    if ((status = opt_resolve(&c, v, NULL)) == OK && (status = config_write(&text, &c)) == OK)
        status = cmd_print(&text);
    str_free(&text);
    config_free(&c);
    return status;
}

int cmd_config(const struct opt_values *v)
{
    if (opt_given(v, "config") || opt_given(v, "set"))
        return print_configuration(v);
    struct config defaults;
    int status = config_init(&defaults);
    if (status == OK)
        status = print_keys(&defaults, opt_given(v, "markdown"));
    config_free(&defaults);
    return status;
}
