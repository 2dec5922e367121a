/**
 * Commands and their options as tables: one parser, one usage text, one form of error for a wrong word.
 *
 * The options of a command are in groups, which commands may share. An option either sets a key of the
 * configuration, or is read by the command with the getters below.
 */
#ifndef PROMPT_SRC_CLI_OPT_H
#define PROMPT_SRC_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/str.h"
#include "prompt/config/config.h"
#include "prompt/ranks/ranks.h"

struct opt {
    const char *name; /* "dataset", without dashes; NULL ends a list */
    const char
        *value_name; /* "NAME"; "--NAME" if the value may begin so; NULL: a flag, which takes no value */
    const char *key; /* the configuration key that it sets (a flag sets true); NULL: none */
    bool is_repeatable;
    const char *help; /* NULL: the key's own */
};

struct opt_group {
    const char *title; /* "Data and model"; NULL ends a list */
    const struct opt *opts;
};

struct opt_values;

struct command {
    const char *name;     /* "model" */
    const char *sub_name; /* "init", or NULL */
    const char *
        operand; /* the words that follow: "FILE", "RUN RUN", "DIR..." (one or more), "[DIR...]" (any), or NULL */
    int (*run)(const struct opt_values *v);
    const struct opt_group *groups;
    const char *summary; /* one line, without a full stop */
    const char *notes;   /* shown below the options; may be NULL */
};

/** "prompt model init" */
void command_title(struct str *out, const struct command *command);

/* ---------------------------------------------------------------- parsing */

/** One option as it was given. */
struct opt_value {
    const struct opt *opt;
    const char *text; /* NULL for a flag */
};

/** The words after the command; all texts are borrowed from argv. */
struct opt_values {
    const struct command *command;         /* borrowed */
    const struct command *const *commands; /* all of the program, borrowed; set by main */
    struct ranks *ranks;                   /* of the command, borrowed; set by main */
    struct opt_value *items;               /* [n], in order; owned */
    size_t n;
    const char *operand;   /* the first; NULL if the command takes none */
    const char **operands; /* [n_operands]; owned */
    size_t n_operands;
};

/**
 * Parses the words after the command: --opt value, --opt=value, flags; "--" ends the options.
 * @return OK; ERR_USAGE naming the expected word or the nearest option; ERR_MEMORY
 */
int opt_parse(struct opt_values *out, const struct command *command, int argc, char *const *argv);
void opt_free(struct opt_values *v);

/** Whether -h or --help is among the words before "--". */
bool opt_wants_help(int argc, char *const *argv);

/* ---------------------------------------------------------------- getters */

/* The option must be in the tables of the command; texts are borrowed. */

bool opt_given(const struct opt_values *v, const char *name);
/** The value of a single-valued option; NULL if it is not given. */
const char *opt_text(const struct opt_values *v, const char *name);
/** A number within a range; `*out` stays as it is if the option is not given. ERR_USAGE names the option. */
int opt_i64(int64_t *out, const struct opt_values *v, const char *name, int64_t min, int64_t max);
int opt_f64(double *out, const struct opt_values *v, const char *name, double min, double max);
/** The idx-th value of a repeatable option; NULL after the last. */
const char *opt_nth(const struct opt_values *v, const char *name, size_t idx);
/**
 * A choice of words, by repetition or separated by commas: chosen[i] becomes true if names[i] was given.
 * `names` ends with NULL. Nothing changes if the option is not given.
 */
int opt_choose(bool *chosen, const struct opt_values *v, const char *name, const char *const *names);

/* ---------------------------------------------------------------- options that are configuration keys */

/**
 * Resolves a command's configuration: --config, then the options that have a key and --set in their order,
 * over `others` (NULL: none). `out` is owned, and zeroed on failure.
 */
int opt_resolve(struct config *out, const struct opt_values *v, const struct config_sources *others);

#endif
