/* The option parser and the getters. */
#include "opt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- tables */

void command_title(struct str *out, const struct command *command)
{
    str_appendf(out, "prompt %s", command->name);
    if (command->sub_name)
        str_appendf(out, " %s", command->sub_name);
}

/* The option of that name (n characters), NULL if the command has none. */
static const struct opt *find_opt(const struct command *command, const char *name, size_t n)
{
    for (const struct opt_group *group = command->groups; group->title; group++)
        for (const struct opt *opt = group->opts; opt->name; opt++)
            if (strlen(opt->name) == n && memcmp(opt->name, name, n) == 0)
                return opt;
    return NULL;
}

/* The option of a getter: a name that is in no table is a bug of this program. */
static const struct opt *own_opt(const struct opt_values *v, const char *name)
{
    const struct opt *opt = find_opt(v->command, name, strlen(name));
    assert(opt);
    return opt;
}

static const char *nearest_opt(const struct command *command, const char *name)
{
    const char *nearest = NULL;
    for (const struct opt_group *group = command->groups; group->title; group++) {
        for (const struct opt *opt = group->opts; opt->name; opt++) {
            const char *pair[] = {nearest ? nearest : opt->name, opt->name};
            nearest = str_nearest(name, pair, 2);
        }
    }
    return nearest;
}

/* ---------------------------------------------------------------- errors */

/* "MESSAGE; see prompt train --help" */
static int usage_errorf(const struct command *command, const char *fmt, ...) PROMPT_PRINTF(2, 3);
static int usage_errorf(const struct command *command, const char *fmt, ...)
{
    char what[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    struct str title = {0};
    command_title(&title, command);
    int status = error_set(ERR_USAGE, "%s; see %s --help", what, str_text(&title));
    str_free(&title);
    return status;
}

/* "lr" of "training.lr" */
static bool is_last_part(const char *key, const char *name)
{
    const size_t n = strlen(key);
    const size_t m = strlen(name);
    return m > 0 && str_ends_with(key, name) && (n == m || key[n - m - 1] == '.');
}

/* -seed means --seed, and --lr means a key; for other words the nearest option is named. */
static int unknown_option(const struct command *command, const char *word)
{
    char *name = str_dup_n(word, strcspn(word, "="));
    if (!name)
        return ERR_MEMORY;
    const char *bare = name + strspn(name, "-");
    const bool is_option = find_opt(command, bare, strlen(bare)) != NULL;
    const char *key = find_opt(command, "set", strlen("set")) ? config_nearest(bare) : NULL;
    const char *nearest = nearest_opt(command, bare);
    int status = ERR_USAGE;
    if (!is_option && key && is_last_part(key, bare))
        error_set(ERR_USAGE, "unknown option '%s'; did you mean '--set %s=...'?", name, key);
    else if (nearest)
        error_set(ERR_USAGE, "unknown option '%s'; did you mean '--%s'?", name, nearest);
    else
        status = usage_errorf(command, "unknown option '%s'", name);
    free(name);
    return status;
}

static int unexpected_word(const struct command *command, const char *word)
{
    if (command->operand)
        return usage_errorf(command, "unexpected word '%s': expected one %s", word, command->operand);
    if (command->groups->title)
        return usage_errorf(command, "unexpected word '%s': expected only options", word);
    return usage_errorf(command, "unexpected word '%s': expected nothing more", word);
}

/* ---------------------------------------------------------------- parsing */

static int add_value(struct opt_values *v, const struct opt *opt, const char *text)
{
    if (opt->value_name && !opt->is_repeatable && opt_given(v, opt->name))
        return error_set(ERR_USAGE, "option '--%s' is given twice", opt->name);
    if (text && text[0] == '\0')
        return error_set(ERR_USAGE, "option '--%s': expected %s, found nothing", opt->name, opt->value_name);
    v->items[v->n++] = (struct opt_value){.opt = opt, .text = text};
    return OK;
}

/* The option at argv[*i]; moves *i over its value. */
static int parse_option(struct opt_values *v, int *i, int argc, char *const *argv)
{
    const char *word = argv[*i];
    const char *name = word + 2;
    const size_t n = strcspn(name, "=");
    const struct opt *opt = str_starts_with(word, "--") ? find_opt(v->command, name, n) : NULL;
    if (!opt)
        return unknown_option(v->command, word);
    if (name[n] == '=') {
        if (!opt->value_name)
            return error_set(ERR_USAGE, "option '--%s' takes no value, found '%s'", opt->name, name + n + 1);
        return add_value(v, opt, name + n + 1);
    }
    if (!opt->value_name)
        return add_value(v, opt, NULL);
    if (*i + 1 >= argc)
        return error_set(ERR_USAGE, "option '--%s' needs a value: --%s %s", opt->name, opt->name,
                         opt->value_name);
    const char *value = argv[*i + 1];
    if (str_starts_with(value, "--") && !str_starts_with(opt->value_name, "--"))
        return error_set(ERR_USAGE, "option '--%s' needs a value: --%s %s; found the option '%s'", opt->name,
                         opt->name, opt->value_name, value);
    ++*i;
    return add_value(v, opt, value);
}

/* The number of words that a command takes: "FILE" 1, "RUN RUN" 2, "DIR..." one or more, "[DIR...]" any. */
static void operand_range(size_t *min, size_t *max, const char *operand)
{
    *min = operand != NULL && operand[0] != '[';
    for (const char *c = operand; c && *c != '\0'; c++)
        *min += *c == ' ';
    const bool has_more = operand && (str_ends_with(operand, "...") || str_ends_with(operand, "...]"));
    *max = has_more ? SIZE_MAX : *min;
}

static int parse_operand(struct opt_values *v, const char *word)
{
    size_t min, max;
    operand_range(&min, &max, v->command->operand);
    if (v->n_operands >= max)
        return unexpected_word(v->command, word);
    v->operands[v->n_operands++] = word;
    v->operand = v->operands[0];
    return OK;
}

static int check_operands(const struct opt_values *v)
{
    size_t min, max;
    operand_range(&min, &max, v->command->operand);
    return v->n_operands < min ? usage_errorf(v->command, "expected %s", v->command->operand) : OK;
}

int opt_parse(struct opt_values *out, const struct command *command, int argc, char *const *argv)
{
    *out = (struct opt_values){.command = command};
    out->items = calloc((size_t)argc + 1, sizeof *out->items);
    out->operands = calloc((size_t)argc + 1, sizeof *out->operands);
    if (!out->items || !out->operands) {
        opt_free(out);
        return error_out_of_memory();
    }
    int status = OK;
    bool is_over = false; /* "--" was met */
    for (int i = 0; status == OK && i < argc; i++) {
        bool is_option = !is_over && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0)
            is_over = true;
        else if (is_option)
            status = parse_option(out, &i, argc, argv);
        else
            status = parse_operand(out, argv[i]);
    }
    if (status == OK)
        status = check_operands(out);
    if (status != OK)
        opt_free(out);
    return status;
}

void opt_free(struct opt_values *v)
{
    free(v->items);
    free(v->operands);
    *v = (struct opt_values){0};
}

bool opt_wants_help(int argc, char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* ---------------------------------------------------------------- getters */

const char *opt_nth(const struct opt_values *v, const char *name, size_t idx)
{
    const struct opt *opt = own_opt(v, name);
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].opt == opt && idx-- == 0)
            return v->items[i].text;
    return NULL;
}

bool opt_given(const struct opt_values *v, const char *name)
{
    const struct opt *opt = own_opt(v, name);
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].opt == opt)
            return true;
    return false;
}

const char *opt_text(const struct opt_values *v, const char *name)
{
    return opt_nth(v, name, 0);
}

int opt_i64(int64_t *out, const struct opt_values *v, const char *name, int64_t min, int64_t max)
{
    const char *text = opt_text(v, name);
    int64_t value = 0;
    if (!text)
        return OK;
    if (str_parse_i64(&value, text) != OK || value < min || value > max)
        return error_set(ERR_USAGE,
                         "option '--%s': expected a whole number from %" PRId64 " to %" PRId64 ", found '%s'",
                         name, min, max, text);
    *out = value;
    return OK;
}

int opt_f64(double *out, const struct opt_values *v, const char *name, double min, double max)
{
    const char *text = opt_text(v, name);
    double value = 0.0;
    if (!text)
        return OK;
    if (str_parse_f64(&value, text) != OK || value < min || value > max)
        return error_set(ERR_USAGE, "option '--%s': expected a number from %g to %g, found '%s'", name, min,
                         max, text);
    *out = value;
    return OK;
}

static int choose_one(bool *chosen, const char *name, const char *const *names, const char *word)
{
    size_t n = 0;
    for (; names[n]; n++) {
        if (strcmp(names[n], word) == 0) {
            chosen[n] = true;
            return OK;
        }
    }
    struct str list = {0};
    for (size_t i = 0; i < n; i++)
        str_appendf(&list, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i]);
    int status = error_set(ERR_USAGE, "option '--%s': expected %s, found '%s'", name, str_text(&list), word);
    str_free(&list);
    return status;
}

int opt_choose(bool *chosen, const struct opt_values *v, const char *name, const char *const *names)
{
    for (size_t i = 0;; i++) {
        const char *text = opt_nth(v, name, i);
        if (!text)
            return OK;
        for (;;) {
            const size_t n = strcspn(text, ",");
            char *word = str_dup_n(text, n);
            int status = word ? choose_one(chosen, name, names, word) : ERR_MEMORY;
            free(word);
            if (status != OK)
                return status;
            if (text[n] == '\0')
                break;
            text += n + 1;
        }
    }
}

/* ---------------------------------------------------------------- keys */

int opt_resolve(struct config *out, const struct opt_values *v, const struct config_sources *others)
{
    struct config_sources from = others ? *others : (struct config_sources){0};
    struct config_setting *settings = calloc(v->n + 1, sizeof *settings);
    if (!settings)
        return error_out_of_memory();
    for (size_t i = 0; i < v->n; i++) {
        const struct opt_value *item = &v->items[i];
        if (strcmp(item->opt->name, "config") == 0)
            from.file = item->text;
        else if (item->opt->key || strcmp(item->opt->name, "set") == 0)
            settings[from.n_settings++] =
                (struct config_setting){item->opt->name, item->opt->key, item->text ? item->text : "true"};
    }
    from.settings = settings;
    int status = config_resolve(out, &from);
    free(settings);
    return status;
}
