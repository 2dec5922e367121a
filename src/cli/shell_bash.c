/* Completions for bash. */
#include <string.h>

#include "shell.h"

/* The words that may follow `name`, the first word of commands of two; without a name the first words. */
static void append_words(struct str *out, const struct command *const *commands, const char *name)
{
    const char *last = "";
    for (; *commands; commands++) {
        const struct command *c = *commands;
        if (name && c->sub_name && strcmp(c->name, name) == 0)
            str_appendf(out, " %s", c->sub_name);
        else if (!name && strcmp(c->name, last) != 0)
            str_appendf(out, " %s", c->name);
        last = c->name;
    }
}

static void write_words(struct str *out, const struct command *const *commands)
{
    const char *last = "";
    str_append(out, "_prompt_words() {\n    case $1 in\n    '') echo '--help --version help");
    append_words(out, commands, NULL);
    str_append(out, "' ;;\n");
    for (const struct command *const *c = commands; *c; c++) {
        if (!(*c)->sub_name || strcmp((*c)->name, last) == 0)
            continue;
        last = (*c)->name;
        str_appendf(out, "    %s) echo '--help", last);
        append_words(out, commands, last);
        str_append(out, "' ;;\n");
    }
    str_append(out, "    esac\n}\n\n");
}

/* "model init" */
static void append_name(struct str *out, const struct command *c)
{
    str_appendf(out, "%s%s%s", c->name, c->sub_name ? " " : "", c->sub_name ? c->sub_name : "");
}

static void write_options(struct str *out, const struct command *const *commands)
{
    str_append(out, "_prompt_options() {\n    case $1 in\n");
    for (; *commands; commands++) {
        str_append(out, "    '");
        append_name(out, *commands);
        str_append(out, "') echo '--help");
        for (const struct opt_group *group = (*commands)->groups; group->title; group++)
            for (const struct opt *opt = group->opts; opt->name; opt++)
                str_appendf(out, " --%s", opt->name);
        str_append(out, "' ;;\n");
    }
    str_append(out, "    esac\n}\n\n");
}

static void write_kind(struct str *out, const struct command *command, const struct opt *opt)
{
    static const char *const words[] = {[SHELL_NOTHING] = NULL,         [SHELL_ANY] = "any",
                                        [SHELL_FILE] = "file",          [SHELL_FOLDER] = "folder",
                                        [SHELL_ASSIGNMENT] = "setting", [SHELL_CHOICE] = "choice"};
    const enum shell_kind kind = shell_kind_of(opt);
    if (kind == SHELL_NOTHING)
        return;
    str_append(out, "    '");
    append_name(out, command);
    str_appendf(out, " --%s') echo '%s", opt->name, words[kind]);
    if (kind == SHELL_CHOICE)
        str_appendf(out, " %s", opt->key);
    str_append(out, "' ;;\n");
}

/* What follows an option, and the words without an option. */
static void write_kinds(struct str *out, const struct command *const *commands)
{
    str_append(out, "_prompt_kind() {\n    case $1 in\n");
    for (; *commands; commands++) {
        for (const struct opt_group *group = (*commands)->groups; group->title; group++)
            for (const struct opt *opt = group->opts; opt->name; opt++)
                write_kind(out, *commands, opt);
        if (!(*commands)->operand)
            continue;
        str_append(out, "    '");
        append_name(out, *commands);
        str_append(out, " ') echo file ;;\n");
    }
    str_append(out, "    esac\n}\n\n");
}

static void write_values(struct str *out)
{
    str_append(out, "_prompt_values() {\n    case $1 in\n");
    for (size_t i = 0; i < config_n_keys(); i++) {
        struct str words = {0};
        shell_append_choices(&words, config_key(i)->key);
        if (words.len > 0)
            str_appendf(out, "    %s) echo '%s' ;;\n", config_key(i)->key, str_text(&words));
        out->failed = out->failed || words.failed;
        str_free(&words);
    }
    str_append(out, "    esac\n}\n\n_prompt_keys() {\n    echo '");
    for (size_t i = 0; i < config_n_keys(); i++)
        str_appendf(out, "%s%s", i > 0 ? " " : "", config_key(i)->key);
    str_append(out, "'\n}\n\n");
}

void shell_write_bash(struct str *out, const struct command *const *commands)
{
    static const char body[] =
        "# _prompt_reply KIND KEY CURRENT\n"
        "_prompt_reply() {\n"
        "    case $1 in\n"
        "    file) mapfile -t COMPREPLY < <(compgen -f -- \"$3\") && compopt -o filenames 2>/dev/null ;;\n"
        "    folder) mapfile -t COMPREPLY < <(compgen -d -- \"$3\") && compopt -o filenames 2>/dev/null ;;\n"
        "    setting)\n"
        "        mapfile -t COMPREPLY < <(compgen -S = -W \"$(_prompt_keys)\" -- \"$3\")\n"
        "        compopt -o nospace 2>/dev/null\n"
        "        ;;\n"
        "    choice) mapfile -t COMPREPLY < <(compgen -W \"$(_prompt_values \"$2\")\" -- \"$3\") ;;\n"
        "    esac\n"
        "}\n"
        "\n"
        "_prompt() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} equals='' command "
        "kind\n"
        "    COMPREPLY=()\n"
        "    if [[ $current == = ]]; then # bash splits words at the equals sign\n"
        "        current='' equals=yes\n"
        "    elif [[ $before == = ]]; then\n"
        "        before=${COMP_WORDS[COMP_CWORD - 2]} equals=yes\n"
        "    fi\n"
        "    command=${COMP_WORDS[1]}\n"
        "    if [[ $COMP_CWORD -eq 1 ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$(_prompt_words '')\" -- \"$current\")\n"
        "        return\n"
        "    fi\n"
        "    if [[ $COMP_CWORD -eq 2 && $command == help ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$(_prompt_words '')\" -- \"$current\")\n"
        "        return\n"
        "    fi\n"
        "    if [[ -n $(_prompt_words \"$command\") ]]; then\n"
        "        if [[ $COMP_CWORD -eq 2 ]]; then\n"
        "            mapfile -t COMPREPLY < <(compgen -W \"$(_prompt_words \"$command\")\" -- \"$current\")\n"
        "            return\n"
        "        fi\n"
        "        command+=\" ${COMP_WORDS[2]}\"\n"
        "    fi\n"
        "    if [[ -n $equals && $before != --* ]]; then # KEY=VALUE\n"
        "        _prompt_reply choice \"$before\" \"$current\"\n"
        "        return\n"
        "    fi\n"
        "    read -r -a kind < <(_prompt_kind \"$command $before\")\n"
        "    if [[ -n ${kind[0]:-} ]]; then\n"
        "        _prompt_reply \"${kind[0]}\" \"${kind[1]:-}\" \"$current\"\n"
        "    elif [[ $current == -* ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$(_prompt_options \"$command\")\" -- \"$current\")\n"
        "    elif [[ -n $(_prompt_kind \"$command \") ]]; then\n"
        "        _prompt_reply file '' \"$current\"\n"
        "    else\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$(_prompt_options \"$command\")\" -- \"$current\")\n"
        "    fi\n"
        "}\n"
        "\n"
        "complete -F _prompt prompt\n";
    str_append(out, "# bash completion of prompt, made by: prompt config --completions bash\n\n");
    write_words(out, commands);
    write_options(out, commands);
    write_kinds(out, commands);
    write_values(out);
    str_append(out, body);
}
