/* Class names as rows of tokens, with a vocabulary of single letters and a few merges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "prompt/base/str.h"
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

/* The captions and the prompt rows of one name. */
struct rows {
    struct token_rows captions, prompts;
};

static int create(struct rows *out, const struct tokenizer *t, const char *name, const char *template,
                  struct text_form form)
{
    char *names[] = {str_dup(name)};
    *out = (struct rows){0};
    int status = OK;
    if ((status = caption_rows_create(&out->captions, t, names, 1, template, CONTEXT)) == OK)
        status = prompt_rows_create(&out->prompts, t, names, 1, &form, CONTEXT);
    free(names[0]);
    return status;
}

static void free_rows(struct rows *rows)
{
    token_rows_free(&rows->captions);
    token_rows_free(&rows->prompts);
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

/* A learned vector after the name shows where the name ends. */
static void expect_lengths(const struct tokenizer *t, const char *name, int64_t n_alone, int64_t end)
{
    struct rows rows;
    assert_int_equal(create(&rows, t, name, "{}.", (struct text_form){.n_before = 1, .n_after = 1}), OK);
    assert_int_equal(rows.prompts.ids[1 + n_alone], -1);
    free_rows(&rows);
    assert_int_equal(create(&rows, t, name, "{}.", (struct text_form){.n_before = 1}), OK);
    assert_int_equal(rows.prompts.ends[0], end);
    assert_int_equal(rows.prompts.ids[end], tokenizer_end(t));
    assert_int_equal(rows.captions.ids[0], tokenizer_start(t));
    assert_int_equal(rows.captions.ends[0], end + 1);
    free_rows(&rows);
}

static void test_captions__a_name_is_as_long_as_alone_unless_the_dot_joins_it(void **state)
{
    expect_lengths(*state, "ab", 2, 3);
    expect_lengths(*state, "a)", 2, 3);
    expect_lengths(*state, "))", 1, 1);
    expect_lengths(*state, "a))", 2, 2);
}

/* Start and end token count, and the positions before a name. */
static void test_captions__a_text_may_be_as_long_as_the_model_reads(void **state)
{
    struct rows rows;
    const struct text_form one = {.n_before = 1}, two = {.n_before = 2}, three = {.n_before = 3};
    assert_int_equal(create(&rows, *state, "abcde", "{}.", one), OK); /* start, 5 letters, dot, end */
    assert_int_equal(rows.captions.n_tokens, CONTEXT);
    free_rows(&rows);
    assert_int_equal(create(&rows, *state, "abcdef", "{}.", one), ERR_USAGE);
    assert_string_equal(error_message(),
                        "class 'abcdef': the text takes 9 tokens, but the model reads at most 8");
    free_rows(&rows);
    assert_int_equal(create(&rows, *state, "abcd", "{}", two), OK); /* 2 before, 4 letters, dot, end */
    free_rows(&rows);
    assert_int_equal(create(&rows, *state, "abcd", "{}", three), ERR_USAGE);
    assert_string_equal(error_message(),
                        "class 'abcd': the text takes 9 tokens, but the model reads at most 8");
    free_rows(&rows);
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
