/** What shells and man read about the program, made from the tables of commands and keys. */
#ifndef PROMPT_SRC_CLI_SHELL_H
#define PROMPT_SRC_CLI_SHELL_H

#include "opt.h"

/** The shells that have completions; ends with NULL. */
extern const char *const shell_names[]; /* "bash", "zsh" */

/** Appends bash's completions: commands, options, keys of --set, and values where they are known. */
void shell_write_bash(struct str *out, const struct command *const *commands);
/** Appends zsh's; the file must be named _prompt and be in $fpath. */
void shell_write_zsh(struct str *out, const struct command *const *commands);
/** Appends the man page prompt(1): every command, option and key. ERR_MEMORY. */
int shell_write_man(struct str *out, const struct command *const *commands, const char *version);

/* ---------------------------------------------------------------- values of options */

enum shell_kind {
    SHELL_NOTHING, /* a flag, which takes no value */
    SHELL_ANY,     /* a value that nobody can guess */
    SHELL_FILE,
    SHELL_FOLDER,
    SHELL_ASSIGNMENT, /* KEY=VALUE */
    SHELL_CHOICE,     /* one of known words */
};

enum shell_kind shell_kind_of(const struct opt *opt);
/** Appends the words of a SHELL_CHOICE, or those that a key's value can be (none: nobody can guess),
 * separated by spaces. */
void shell_append_choices(struct str *out, const char *key);

#endif
