/* Class names as rows of tokens, with a vocabulary of single letters and a few merges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "prompt/methods/captions.h"

/* A word has as many tokens as letters, but "))." is one token, where "))" is two. */
static const char merges[] = "#version: 0.2\n) )\n)) .</w>\n";
enum { CONTEXT = 8 };

static int open_tokenizer(void **state)
{
    struct tokenizer *t = NULL;
    if (tokenizer_parse(&t, merges, strlen(merges), "merges") != OK)
        return -1;
    *state = t;
    return 0;
}

static int close_tokenizer(void **state)
{
    tokenizer_free(*state);
    return 0;
}

static int create(struct class_rows *out, const struct tokenizer *t, const char *name, const char *template,
                  int64_t n_before)
{
    char *names[] = {str_dup(name)};
    const struct text_form form = {.n_before = n_before};
    const int status = class_rows_create(out, t, names, 1, &template, 1, &form, CONTEXT);
    free(names[0]);
    return status;
}

static void test_captions__underscores_of_a_name_are_spaces(void **state)
{
    (void)state;
    char *caption = class_caption("a photo_of {}, {", "sea_horse_2");
    assert_string_equal(caption, "a photo_of sea horse 2, {");
    free(caption);
    caption = class_caption("no hole", "sea_horse");
    assert_string_equal(caption, "no hole");
    free(caption);
}

static void expect_lengths(const struct tokenizer *t, const char *name, int64_t n_alone, int64_t end)
{
    struct class_rows rows;
    assert_int_equal(create(&rows, t, name, "{}.", 1), OK);
    assert_int_equal(rows.name_lengths[0], n_alone);
    assert_int_equal(rows.names.ends[0], end);
    assert_int_equal(rows.names.ids[end], tokenizer_end(t));
    assert_int_equal(rows.captions[0].ids[0], tokenizer_start(t));
    assert_int_equal(rows.captions[0].ends[0], end + 1);
    class_rows_free(&rows);
}

static void test_captions__a_name_is_as_long_as_alone_unless_the_dot_joins_it(void **state)
{
    expect_lengths(*state, "ab", 2, 3);
    expect_lengths(*state, "a)", 2, 3);
    expect_lengths(*state, "))", 1, 1);
    expect_lengths(*state, "a))", 2, 2);
}

/* Start and end token count, and what stands before a name. */
static void test_captions__a_text_may_be_as_long_as_the_model_reads(void **state)
{
    struct class_rows rows;
    assert_int_equal(create(&rows, *state, "abcde", "{}.", 1), OK); /* start, 5 letters, dot, end */
    assert_int_equal(rows.captions[0].n_tokens, CONTEXT);
    class_rows_free(&rows);
    assert_int_equal(create(&rows, *state, "abcdef", "{}.", 1), ERR_USAGE);
    assert_string_equal(error_message(),
                        "class 'abcdef': the text takes 9 tokens, but the model reads at most 8");
    assert_int_equal(create(&rows, *state, "abcd", "{}", 2), OK); /* 2 before, 4 letters, dot, end */
    class_rows_free(&rows);
    assert_int_equal(create(&rows, *state, "abcd", "{}", 3), ERR_USAGE);
    assert_string_equal(error_message(),
                        "class 'abcd': the text takes 9 tokens, but the model reads at most 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captions__underscores_of_a_name_are_spaces),
        cmocka_unit_test(test_captions__a_name_is_as_long_as_alone_unless_the_dot_joins_it),
        cmocka_unit_test(test_captions__a_text_may_be_as_long_as_the_model_reads),
    };
    return cmocka_run_group_tests_name("captions", tests, open_tokenizer, close_tokenizer);
}
