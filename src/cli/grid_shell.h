/** Commands of this program as a shell takes them. */
#ifndef PROMPT_SRC_CLI_GRID_SHELL_H
#define PROMPT_SRC_CLI_GRID_SHELL_H

#include "opt.h"

/** Appends a space and the word, in quotes if it needs them. */
void shell_append_word(struct str *out, const char *word);
void shell_append_words(struct str *out, const struct str_list *words);

/** Appends "cd FOLDER", of this process. */
int shell_append_cd(struct str *out);
/** Appends the path of this program, absolute and quoted. */
int shell_append_program(struct str *out);

/** Adds the words of this command again, without the options of these names, which end with NULL. */
int shell_same_words(struct str_list *out, const struct opt_values *v, const char *const *without);

#endif
