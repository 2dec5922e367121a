/* Usage texts, from the same tables as the parser. */
#include "opt_help.h"

#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 100 };

/* ---------------------------------------------------------------- columns */

/* Pads to the help column; a longer left part gets a line of its own. */
static void pad(struct str *out, size_t line_start)
{
    if (out->len - line_start >= HELP_COLUMN) {
        str_append_char(out, '\n');
        line_start = out->len;
    }
    while (!out->failed && out->len - line_start < HELP_COLUMN)
        str_append_char(out, ' ');
}

/* Appends the words of `text`, wrapped, from the help column on. */
static void append_wrapped(struct str *out, const char *text)
{
    size_t column = HELP_COLUMN;
    for (const char *word = text; *word != '\0';) {
        const size_t n = strcspn(word, " ");
        if (column > HELP_COLUMN && column + n + 1 > HELP_WIDTH) {
            str_append_char(out, '\n');
            pad(out, out->len);
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            str_append_char(out, ' ');
            column++;
        }
        str_append_n(out, word, n);
        column += n;
        word += n;
        word += strspn(word, " ");
    }
    str_append_char(out, '\n');
}

static void append_row(struct str *out, const char *left, const char *help)
{
    const size_t line_start = out->len;
    str_append(out, left);
    str_append(out, "  ");
    pad(out, line_start);
    append_wrapped(out, help);
}

/* ---------------------------------------------------------------- one command */

const char *opt_help_of(const struct opt *opt)
{
    return opt->help ? opt->help : config_key(config_find(opt->key))->help;
}

static void append_option(struct str *out, const struct opt *opt)
{
    struct str left = {0};
    struct str help = {0};
    str_appendf(&left, "  --%s", opt->name);
    if (opt->value_name)
        str_appendf(&left, " %s", opt->value_name);
    str_append(&help, opt_help_of(opt));
    if (opt->is_repeatable)
        str_append(&help, " (repeatable)");
    if (opt->key)
        str_appendf(&help, " [%s]", opt->key);
    append_row(out, str_text(&left), str_text(&help));
    out->failed = out->failed || left.failed || help.failed;
    str_free(&left);
    str_free(&help);
}

void command_help(struct str *out, const struct command *command)
{
    command_title(out, command);
    str_appendf(out, " - %s\n\nUsage: ", command->summary);
    command_title(out, command);
    if (command->operand)
        str_appendf(out, " %s", command->operand);
    str_append(out, command->groups->title ? " [options]\n" : "\n");
    for (const struct opt_group *group = command->groups; group->title; group++) {
        str_appendf(out, "\n%s:\n", group->title);
        for (const struct opt *opt = group->opts; opt->name; opt++)
            append_option(out, opt);
    }
    if (command->notes)
        str_appendf(out, "\n%s\n", command->notes);
}

/* ---------------------------------------------------------------- all commands */

void commands_help(struct str *out, const struct command *const *commands, const char *name)
{
    if (name)
        str_appendf(out, "Usage: prompt %s COMMAND [options]\n\nCommands:\n", name);
    else
        str_append(out, "prompt - ProMPT: progressive multi-modal conditional prompt tuning of CLIP, in C\n\n"
                        "Usage: prompt COMMAND [options]\n\nCommands:\n");
    for (; *commands; commands++) {
        const struct command *command = *commands;
        if (name && strcmp(name, command->name) != 0)
            continue;
        struct str left = {0};
        str_appendf(&left, "  %s%s%s", command->name, command->sub_name ? " " : "",
                    command->sub_name ? command->sub_name : "");
        append_row(out, str_text(&left), command->summary);
        str_free(&left);
    }
    if (name) {
        str_appendf(out, "\nprompt %s COMMAND --help shows a command's options.\n", name);
        return;
    }
    str_append(out,
               "\nprompt COMMAND --help shows a command's options, prompt config every configuration key,\n"
               "prompt --version versions and devices. Results go to stdout, everything else to stderr.\n"
               "Exit status: 0 success, 1 failure, 2 wrong usage, 75 in use elsewhere, 130 interrupted.\n");
}
