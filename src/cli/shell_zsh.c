/* Completions for zsh. */
#include <string.h>

#include "opt_help.h"
#include "shell.h"

/* Appends text within single quotes, with a backslash before each of `special`. */
static void append_quoted(struct str *out, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            str_append(out, "'\\''");
            continue;
        }
        if (strchr(special, *text))
            str_append_char(out, '\\');
        str_append_char(out, *text);
    }
}

/* 'name:summary' of each command, or of the second words of those that begin with `name`. */
static void write_list(struct str *out, const struct command *const *commands, const char *name)
{
    const char *last = "";
    for (; *commands; commands++) {
        const struct command *c = *commands;
        const bool is_sub = name && c->sub_name && strcmp(c->name, name) == 0;
        if (!is_sub && (name || strcmp(c->name, last) == 0))
            continue;
        last = c->name;
        str_appendf(out, "        '%s:", is_sub ? c->sub_name : c->name);
        append_quoted(out, !is_sub && c->sub_name ? "several commands" : c->summary, ":\\");
        str_append(out, "'\n");
    }
}

static void append_action(struct str *out, const struct opt *opt)
{
    switch (shell_kind_of(opt)) {
    case SHELL_NOTHING:
        return;
    case SHELL_ANY:
        str_appendf(out, ":%s: ", opt->value_name);
        return;
    case SHELL_FILE:
        str_append(out, ":file:_files");
        return;
    case SHELL_FOLDER:
        str_append(out, ":folder:_files -/");
        return;
    case SHELL_ASSIGNMENT:
        str_append(out, ":setting:_prompt_setting");
        return;
    case SHELL_CHOICE:
        str_appendf(out, ":%s:(", opt->value_name);
        shell_append_choices(out, opt->key);
        str_append_char(out, ')');
        return;
    }
}

static void write_arguments(struct str *out, const struct command *command)
{
    str_appendf(out, "    '%s%s%s')\n        _arguments -s", command->name, command->sub_name ? " " : "",
                command->sub_name ? command->sub_name : "");
    str_append(out, " '--help[show help]'");
    for (const struct opt_group *group = command->groups; group->title; group++) {
        for (const struct opt *opt = group->opts; opt->name; opt++) {
            str_appendf(out, " \\\n            '%s--%s%s[", opt->is_repeatable ? "*" : "", opt->name,
                        opt->value_name ? "=" : "");
            append_quoted(out, opt_help_of(opt), "[]:\\");
            str_append_char(out, ']');
            append_action(out, opt);
            str_append_char(out, '\'');
        }
    }
    if (command->operand) {
        str_append(out, " \\\n            '*:");
        append_quoted(out, command->operand, ":\\");
        str_append(out, ":_files'");
    }
    str_append(out, "\n        ;;\n");
}

static void write_setting(struct str *out)
{
    str_append(out, "_prompt_setting() {\n    local -a keys\n    if compset -P '*='; then\n"
                    "        case ${IPREFIX%=} in\n");
    for (size_t i = 0; i < config_n_keys(); i++) {
        struct str words = {0};
        shell_append_choices(&words, config_key(i)->key);
        if (words.len > 0)
            str_appendf(out, "        (*=|)%s) compadd -- %s ;;\n", config_key(i)->key, str_text(&words));
        out->failed = out->failed || words.failed;
        str_free(&words);
    }
    str_append(out, "        esac\n        return\n    fi\n    keys=(\n");
    for (size_t i = 0; i < config_n_keys(); i++) {
        str_appendf(out, "        '%s:", config_key(i)->key);
        append_quoted(out, config_key(i)->help, ":\\");
        str_append(out, "'\n");
    }
    str_append(out, "    )\n    _describe -t keys key keys -S =\n}\n\n");
}

/* The function that chooses among the second words of `name`. */
static void write_subs(struct str *out, const struct command *const *commands)
{
    const char *last = "";
    for (const struct command *const *c = commands; *c; c++) {
        if (!(*c)->sub_name || strcmp((*c)->name, last) == 0)
            continue;
        last = (*c)->name;
        str_appendf(out, "    %s)\n        words_here=(\n", last);
        write_list(out, commands, last);
        str_append(out, "        )\n        ;;\n");
    }
}

void shell_write_zsh(struct str *out, const struct command *const *commands)
{
    str_append(out,
               "#compdef prompt\n# zsh completion of prompt, made by: prompt config --completions zsh\n\n");
    write_setting(out);
    str_append(out, "_prompt() {\n    local -a words_here\n    local command=${words[2]}\n"
                    "    if (( CURRENT == 2 )) || [[ $command == help && CURRENT -eq 3 ]]; then\n"
                    "        words_here=(\n        'help:show help'\n");
    write_list(out, commands, NULL);
    str_append(out, "        )\n        _describe -t commands command words_here\n        return\n    fi\n"
                    "    case $command in\n");
    write_subs(out, commands);
    str_append(out,
               "    esac\n    if (( $#words_here )); then\n        if (( CURRENT == 3 )); then\n"
               "            _describe -t commands command words_here\n            return\n        fi\n"
               "        command+=\" ${words[3]}\"\n        shift words\n        (( CURRENT-- ))\n    fi\n"
               "    shift words\n    (( CURRENT-- ))\n    case $command in\n");
    for (; *commands; commands++)
        write_arguments(out, *commands);
    str_append(out, "    esac\n}\n\n"
                    "if [[ $funcstack[1] == _prompt ]]; then\n    _prompt \"$@\"\nelse\n"
                    "    compdef _prompt prompt\nfi\n");
}
