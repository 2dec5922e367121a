/* prompt config: every key, as text or as the table of configs/README.md, or one configuration in full. */
#include <string.h>

#include "cmd.h"
#include "cmd_print.h"
#include "prompt/run/version.h"
#include "shell.h"

/* ---------------------------------------------------------------- options */

static const struct opt own_options[] = {
    {"config", "FILE", NULL, false, "print this configuration in full, as JSON, with what it extends"},
    {"set", "KEY=VALUE", NULL, true, "set a key of it"},
    {"markdown", NULL, NULL, false, "print the table of configs/README.md"},
    {"completions", "SHELL", NULL, false, "print the completions for bash or zsh"},
    {"man", NULL, NULL, false, "print the man page"},
    {.name = NULL},
};
static const struct opt_group groups[] = {{"Options", own_options}, {.title = NULL}};

static const char notes[] =
    "Examples:\n"
    "  prompt config --config configs/base2new/no-filter.json --set training.lr=0.004\n"
    "  prompt config --completions bash";

/* The option that sets the key; NULL if only --set does. */
static const char *flag_of(const char *key, const struct command *const *commands)
{
    for (size_t i = 0; commands[i]; i++)
        for (const struct opt_group *group = commands[i]->groups; group->title; group++)
            for (const struct opt *opt = group->opts; opt->name; opt++)
                if (opt->key && strcmp(opt->key, key) == 0)
                    return opt->name;
    return NULL;
}

static void append_text(struct str *out, const struct config *defaults, size_t i, const char *flag)
{
    const struct config_key *key = config_key(i);
    str_appendf(out, "%s", key->key);
    if (flag)
        str_appendf(out, " (--%s)", flag);
    str_append(out, ": ");
    config_describe_values(out, key);
    str_append(out, "; default ");
    config_write_value(out, defaults, i);
    str_appendf(out, "\n    %s\n", key->help);
}

/* Appends text to a cell and escapes bars, which would end the cell. */
static void append_cell(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            str_append_char(out, '\\');
        str_append_char(out, *text);
    }
}

static void append_markdown(struct str *out, const struct config *defaults, size_t i, const char *flag)
{
    const struct config_key *key = config_key(i);
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

static int print_keys(const struct config *defaults, const struct opt_values *v)
{
    const bool is_markdown = opt_given(v, "markdown");
    struct str text = {0};
    if (is_markdown)
        str_append(&text, "| key | values | default | meaning | in the hash |\n"
                          "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < config_n_keys(); i++) {
        const char *flag = flag_of(config_key(i)->key, v->commands);
        (is_markdown ? append_markdown : append_text)(&text, defaults, i, flag);
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

/* Prints the completions of a shell, or with `shell` NULL the man page. */
static int print_for_shell(const struct opt_values *v, const char *shell)
{
    bool chosen[2] = {false};
    struct str text = {0};
    int status = shell ? opt_choose(chosen, v, "completions", shell_names)
                       : shell_write_man(&text, v->commands, PROMPT_VERSION);
    if (chosen[0] && chosen[1])
        status = error_set(ERR_USAGE, "--completions takes one of bash and zsh");
    else if (chosen[0])
        shell_write_bash(&text, v->commands);
    else if (chosen[1])
        shell_write_zsh(&text, v->commands);
    if (status == OK)
        status = cmd_print(&text);
    str_free(&text);
    return status;
}

static int cmd_config(const struct opt_values *v)
{
    if (opt_given(v, "completions") || opt_given(v, "man"))
        return print_for_shell(v, opt_text(v, "completions"));
    if (opt_given(v, "config") || opt_given(v, "set"))
        return print_configuration(v);
    struct config defaults;
    int status = config_init(&defaults);
    if (status == OK)
        status = print_keys(&defaults, v);
    config_free(&defaults);
    return status;
}

const struct command command_config = {
    "config",   NULL,   NULL,
    cmd_config, groups, "list every key with type, default and range, or print a preset in full",
    notes};
