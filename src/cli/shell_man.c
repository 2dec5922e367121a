/* The man page. */
#include <string.h>

#include "opt_help.h"
#include "shell.h"

/* Appends text as man prints it: neither a backslash nor a dash nor a dot in the first column is special. */
static void append_escaped(struct str *out, const char *text, size_t n)
{
    if (n > 0 && (text[0] == '.' || text[0] == '\''))
        str_append(out, "\\&");
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\\')
            str_append(out, "\\e");
        else if (text[i] == '-')
            str_append(out, "\\-");
        else
            str_append_char(out, text[i]);
    }
}

static void append_text(struct str *out, const char *text)
{
    append_escaped(out, text, strlen(text));
}

static void append_title(struct str *out, const struct command *command)
{
    struct str title = {0};
    command_title(&title, command);
    append_text(out, str_text(&title));
    out->failed = out->failed || title.failed;
    str_free(&title);
}

/* Paragraphs are filled; lines that begin with a space keep their form. */
static void append_notes(struct str *out, const char *notes)
{
    bool is_kept = false, is_first = true;
    while (*notes != '\0') {
        const size_t n = strcspn(notes, "\n");
        const bool keeps = notes[0] == ' ' || (n == 0 && is_kept && notes[1] == ' ');
        if (keeps != is_kept)
            str_append(out, keeps ? ".nf\n" : ".fi\n");
        is_kept = keeps;
        if (is_first || (n == 0 && !keeps))
            str_append(out, ".PP\n");
        append_escaped(out, notes, n);
        str_append(out, n > 0 ? "\n" : "");
        is_first = false;
        notes += n + (notes[n] != '\0');
    }
    str_append(out, is_kept ? ".fi\n" : "");
}

static void append_option(struct str *out, const struct opt *opt)
{
    str_append(out, ".TP\n\\fB\\-\\-");
    append_text(out, opt->name);
    str_append(out, "\\fR");
    if (opt->value_name) {
        str_append(out, " \\fI");
        append_text(out, opt->value_name);
        str_append(out, "\\fR");
    }
    str_append_char(out, '\n');
    append_text(out, opt_help_of(opt));
    str_append(out, opt->is_repeatable ? " (repeatable)" : "");
    if (opt->key) {
        str_append(out, " [");
        append_text(out, opt->key);
        str_append_char(out, ']');
    }
    str_append_char(out, '\n');
}

static void append_command(struct str *out, const struct command *command)
{
    str_append(out, ".SS \"");
    append_title(out, command);
    if (command->operand) {
        str_append_char(out, ' ');
        append_text(out, command->operand);
    }
    str_append(out, command->groups->title ? " [options]\"\n" : "\"\n");
    append_text(out, command->summary);
    str_append(out, ".\n");
    for (const struct opt_group *group = command->groups; group->title; group++) {
        str_append(out, ".PP\n");
        append_text(out, group->title);
        str_append(out, ":\n");
        for (const struct opt *opt = group->opts; opt->name; opt++)
            append_option(out, opt);
    }
    if (command->notes)
        append_notes(out, command->notes);
}

static void append_key(struct str *out, const struct config *defaults, size_t i)
{
    const struct config_key *key = config_key(i);
    struct str text = {0};
    config_describe_values(&text, key);
    str_append(&text, "; default ");
    config_write_value(&text, defaults, i);
    str_append(out, ".TP\n\\fB");
    append_text(out, key->key);
    str_append(out, "\\fR\n");
    append_text(out, key->help);
    str_append(out, "\n.br\n");
    append_text(out, str_text(&text));
    str_append_char(out, '\n');
    out->failed = out->failed || text.failed;
    str_free(&text);
}

int shell_write_man(struct str *out, const struct command *const *commands, const char *version)
{
    struct config defaults;
    int status = config_init(&defaults);
    str_appendf(out,
                ".\\\" made by: prompt config --man\n.TH PROMPT 1 \"\" \"prompt %s\" \"User Commands\"\n",
                version);
    str_append(out,
               ".SH NAME\nprompt \\- learn prompts that adapt CLIP to new image classes\n"
               ".SH SYNOPSIS\n.B prompt\n.I COMMAND\n[options]\n"
               ".SH DESCRIPTION\nThe program trains and evaluates ProMPT, CoOp, CoCoOp and VPT, methods that "
               "learn prompts of\nCLIP, and zero\\-shot CLIP itself. Results go to the standard output, "
               "everything else to the standard\nerror.\n"
               ".SH COMMANDS\n");
    for (; *commands; commands++)
        append_command(out, *commands);
    str_append(out,
               ".SH CONFIGURATION KEYS\nA key is set in the JSON file of \\-\\-config, where a dot separates "
               "an object from its member,\nor by \\-\\-set.\n");
    for (size_t i = 0; status == OK && i < config_n_keys(); i++)
        append_key(out, &defaults, i);
    str_append(
        out,
        ".SH EXIT STATUS\n0 for success, 1 for failure, 2 for wrong usage, 75 if another process uses the "
        "folder, 130 after a signal.\n");
    config_free(&defaults);
    return status == OK ? str_status(out) : status;
}
