/* The help of each command ends with two examples that the program takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

enum { MAX_WORDS = 64 };

/* Cuts a shell's line into words: blanks, double quotes, a backslash before the line's end. Changes `text`. */
static int split(char *words[MAX_WORDS], char *text)
{
    int n = 0;
    char *to = text;
    for (;;) {
        while (*text == ' ' || *text == '\n' || (*text == '\\' && text[1] == '\n'))
            text += *text == '\\' ? 2 : 1;
        if (*text == '\0' || n == MAX_WORDS)
            return n;
        words[n++] = to;
        for (bool is_quoted = false; *text != '\0' && (is_quoted || (*text != ' ' && *text != '\n'));
             text++) {
            if (*text == '"')
                is_quoted = !is_quoted;
            else
                *to++ = *text;
        }
        text += *text != '\0';
        *to++ = '\0';
    }
}

/* Why the words are no call of the command; NULL if they are one. A configuration is read, so its file must exist. */
static const char *problem_of(const struct command *command, char *const *words, int n)
{
    struct opt_values v;
    struct config config = {0};
    const int n_title = command->sub_name ? 3 : 2;
    const bool is_version =
        n == 2 && strcmp(command->name, "version") == 0 && strcmp(words[1], "--version") == 0;
    if (is_version)
        return NULL;
    if (n < n_title || strcmp(words[0], "prompt") != 0 || strcmp(words[1], command->name) != 0 ||
        (command->sub_name && strcmp(words[2], command->sub_name) != 0))
        return "it is of another command";
    error_clear();
    if (opt_parse(&v, command, n - n_title, words + n_title) != OK)
        return error_message();
    const int status = opt_resolve(&config, &v, NULL);
    config_free(&config);
    opt_free(&v);
    return status == OK ? NULL : error_message();
}

/* The start of the first example in the notes; NULL if they do not end with examples. */
static const char *find_examples(const char *notes)
{
    static const char title[] = "Examples:\n";
    const char *at = notes ? strstr(notes, title) : NULL;
    return at && (at == notes || at[-1] == '\n') ? at + sizeof title - 1 : NULL;
}

static void check_examples(const struct command *command)
{
    struct str title = {0};
    command_title(&title, command);
    const char *at = find_examples(command->notes);
    int n_examples = 0;
    for (const char *end; at && *at != '\0'; at = *end == '\0' ? end : end + 1) {
        for (end = at + strcspn(at, "\n"); *end != '\0' && end[-1] == '\\';)
            end += 1 + strcspn(end + 1, "\n");
        char *line = str_dup_n(at, (size_t)(end - at));
        char *copy = str_dup(line);
        char *words[MAX_WORDS];
        assert_true(str_starts_with(line, "  prompt "));
        const int n = split(words, copy);
        const char *problem = problem_of(command, words, n);
        if (problem)
            fail_msg("the help of '%s': '%s': %s", str_text(&title), line + 2, problem);
        n_examples++;
        free(copy);
        free(line);
    }
    if (n_examples != 2)
        fail_msg("the help of '%s' has %d examples below 'Examples:', expected 2", str_text(&title),
                 n_examples);
    str_free(&title);
}

static void test_commands__help_has_two_examples_that_parse(void **state)
{
    (void)state;
    assert_int_equal(chdir(SOURCE_DIR), 0); /* where configs/ is */
    size_t n = 0;
    for (; commands[n]; n++)
        check_examples(commands[n]);
    assert_true(n > 10);
}

static const char *problem_in(const struct command *command, const char *line)
{
    char *copy = str_dup(line);
    char *words[MAX_WORDS];
    const int n = split(words, copy);
    const char *problem = problem_of(command, words, n);
    free(copy);
    return problem;
}

/* Slips that must be found, or the test above proves nothing. */
static void test_commands__wrong_examples_are_found(void **state)
{
    (void)state;
    const struct command *train = commands[0];
    assert_string_equal(train->name, "train");
    assert_null(problem_in(train, "  prompt train --set \"training.lr=1\" \\\n      --seed 1"));
    assert_non_null(problem_in(train, "prompt eval --seed 1"));
    assert_non_null(problem_in(train, "prompt train --sed 1"));
    assert_non_null(problem_in(train, "prompt train word"));
    assert_non_null(problem_in(train, "prompt train --set training.rl=1"));
    assert_non_null(problem_in(train, "prompt train --config configs/none.json"));
    assert_null(find_examples(NULL));
    assert_null(find_examples("Example:\n  prompt train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands__help_has_two_examples_that_parse),
        cmocka_unit_test(test_commands__wrong_examples_are_found),
    };
    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
