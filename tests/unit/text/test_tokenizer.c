/* The tokenizer: parsing merges and its errors, merging, recorded ids of OpenAI's merges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/text/merges_find.h"
#include "prompt/text/tokenizer.h"
#include "real_data.h"

enum { N_BYTE_SYMBOLS = 512, ENDS_WORD = 256 };

static void check_ok(int status)
{
    if (status != OK)
        fail_msg("%s", error_message());
}

static void check_error(int status, int expected, const char *message)
{
    assert_int_equal(status, expected);
    assert_string_equal(error_message(), message);
    error_clear();
}

/* ---------------------------------------------------------------- a small vocabulary */

static const char small_merges[] = "#version: 0.2\nc a\nca t</w>\na t</w>\nca ca\n";

static struct tokenizer *parse(const char *text)
{
    struct tokenizer *t = NULL;
    check_ok(tokenizer_parse(&t, text, strlen(text), "m.txt"));
    return t;
}

static void check_ids(const struct tokenizer *t, const char *text, const int64_t *expected, size_t n)
{
    struct tokens tokens = {0};
    check_ok(tokenizer_encode(&tokens, t, text));
    for (size_t i = 0; i < n && i < tokens.n; i++)
        if (tokens.ids[i] != expected[i])
            fail_msg("'%s': id %zu: expected %d, found %d", text, i, (int)expected[i], (int)tokens.ids[i]);
    if (tokens.n != n)
        fail_msg("'%s': expected %zu ids, found %zu", text, n, tokens.n);
    tokens_free(&tokens);
}

#define CHECK_IDS(t, text, ...)                                                                              \
    check_ids(t, text, (const int64_t[]){__VA_ARGS__},                                                       \
              sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Words whose merges compete: "on" and "no" inside "onion", "ring" at the end of "string". */
static const char *const learned[] = {".", "a", "no", "on", "onion", "ring", "string", "rings", NULL};

static void test_tokenizer__learned_merges_make_each_word_one_token(void **state)
{
    (void)state;
    struct str merges = {0};
    struct tokenizer *t = NULL;
    check_ok(tokenizer_train(&merges, learned));
    check_ok(tokenizer_parse(&t, str_text(&merges), merges.len, "m"));
    struct tokens tokens = {0};
    for (size_t i = 0; learned[i]; i++) {
        check_ok(tokenizer_encode(&tokens, t, learned[i]));
        assert_int_equal(tokens.n, i + 1);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(tokens.ids[i], tokens.ids[j]);
    }
    tokens_free(&tokens);
    tokenizer_free(t);
    str_free(&merges);
    const char *const bad[] = {"a", "Two words", NULL};
    check_error(tokenizer_train(&merges, bad), ERR_USAGE,
                "cannot learn the word 'Two words': expected printable ASCII in lower case");
    str_free(&merges);
}

static void test_tokenizer__a_small_vocabulary_names_the_word_that_it_does_not_know(void **state)
{
    (void)state;
    struct str merges = {0};
    struct tokenizer *t = NULL;
    struct tokens tokens = {0};
    check_ok(tokenizer_train(&merges, learned));
    check_ok(tokenizer_parse_small(&t, str_text(&merges), "a\nring\n.", "m"));
    check_ok(tokenizer_encode(&tokens, t, "A ring."));
    assert_int_equal(tokens.n, 3);
    /* several tokens; a byte; a token of the merges that is not a word */
    check_error(tokenizer_encode(&tokens, t, "a red ring"), ERR_FORMAT,
                "unknown word 'red': the model's own vocabulary has 3 words");
    check_error(tokenizer_encode(&tokens, t, "b"), ERR_FORMAT,
                "unknown word 'b': the model's own vocabulary has 3 words");
    check_error(tokenizer_encode(&tokens, t, "onion"), ERR_FORMAT,
                "unknown word 'onion': the model's own vocabulary has 3 words");
    tokenizer_free(t);
    check_error(tokenizer_parse_small(&t, str_text(&merges), "a\nrinse", "m"), ERR_FORMAT,
                "m: the word 'rinse' is not a single token");
    assert_null(t);
    tokens_free(&tokens);
    str_free(&merges);
}

static void test_tokenizer__learns_the_lowest_of_equally_frequent_pairs(void **state)
{
    (void)state;
    struct str merges = {0};
    check_ok(tokenizer_train(&merges, (const char *const[]){"cd", "ab", "ef", "ef", NULL}));
    assert_string_equal(str_text(&merges), "#version: 0.2\ne f</w>\na b</w>\nc d</w>\n");
    str_free(&merges);
}

static void test_tokenizer__sizes_the_vocabulary_by_the_merges(void **state)
{
    (void)state;
    struct tokenizer *t = parse(small_merges);
    assert_int_equal(tokenizer_vocab_size(t), N_BYTE_SYMBOLS + 4 + 2);
    assert_int_equal(tokenizer_start(t), N_BYTE_SYMBOLS + 4);
    assert_int_equal(tokenizer_end(t), N_BYTE_SYMBOLS + 5);
    tokenizer_free(t);
}

static void test_tokenizer__merges_in_rank_order(void **state)
{
    (void)state;
    struct tokenizer *t = parse(small_merges);
    const int64_t a = 'a' - '!', c = 'c' - '!', T = 't' - '!';
    CHECK_IDS(t, "cat", N_BYTE_SYMBOLS + 1);
    CHECK_IDS(t, "at", N_BYTE_SYMBOLS + 2);
    CHECK_IDS(t, "ta", T, a + ENDS_WORD);
    CHECK_IDS(t, "Cacacat", N_BYTE_SYMBOLS + 3, N_BYTE_SYMBOLS + 1);
    CHECK_IDS(t, "cacacab", N_BYTE_SYMBOLS + 3, N_BYTE_SYMBOLS, a + 1 + ENDS_WORD);
    CHECK_IDS(t, "ca", c, a + ENDS_WORD); /* "a" ends the word: another symbol than in "c a" */
    tokenizer_free(t);
}

static void test_tokenizer__parses_windows_lines_and_a_missing_last_end(void **state)
{
    (void)state;
    struct tokenizer *t = parse("\"x#version: 0.2\r\nc a\r\nca t</w>");
    assert_int_equal(tokenizer_vocab_size(t), N_BYTE_SYMBOLS + 2 + 2);
    CHECK_IDS(t, "cat", N_BYTE_SYMBOLS + 1);
    tokenizer_free(t);
}

static void test_tokenizer__drops_text_without_pieces(void **state)
{
    (void)state;
    struct tokenizer *t = parse(small_merges);
    check_ids(t, "", NULL, 0);
    check_ids(t, " \t&nbsp;\u2003", NULL, 0);
    check_ids(t, "\u0345", NULL, 0); /* the one mark that open_clip's pattern skips */
    tokenizer_free(t);
}

/* open_clip unescapes twice, after ftfy, which leaves the references of a text with a '<'. */
static void test_tokenizer__replaces_references_twice_in_html(void **state)
{
    (void)state;
    struct tokenizer *t = parse(small_merges);
    CHECK_IDS(t, "<&amp;amp;", '<' - '!', '&' - '!' + ENDS_WORD);
    tokenizer_free(t);
}

static void test_tokenizer__keeps_what_was_there_on_failure(void **state)
{
    (void)state;
    struct tokenizer *t = parse(small_merges);
    struct tokens tokens = {0};
    check_ok(tokenizer_encode(&tokens, t, "cat"));
    check_error(tokenizer_encode(&tokens, t, "cat \xff"), ERR_FORMAT,
                "expected UTF-8, found byte 0xff at offset 4");
    /* invalid bytes must not become UTF-8 because a reference between them vanishes */
    check_error(tokenizer_encode(&tokens, t, "\xc3&#1;\xa9"), ERR_FORMAT,
                "expected UTF-8, found byte 0xc3 at offset 0");
    assert_int_equal(tokens.n, 1);
    assert_int_equal(tokens.ids[0], N_BYTE_SYMBOLS + 1);
    tokens_free(&tokens);
    tokenizer_free(t);
}

static void check_bad_merges(const char *text, const char *message)
{
    struct tokenizer *t = NULL;
    check_error(tokenizer_parse(&t, text, strlen(text), "m.txt"), ERR_FORMAT, message);
    assert_null(t);
}

static void test_tokenizer__names_the_line_of_a_bad_merge(void **state)
{
    (void)state;
    check_bad_merges("a b\n", "m.txt:1: expected a header with \"#version\", found \"a b\"");
    check_bad_merges("", "m.txt:1: expected a header with \"#version\", found \"\"");
    check_bad_merges("#version\n", "m.txt: expected merges after the header, found none");
    check_bad_merges("#version\na b\nab\n",
                     "m.txt:3: expected two symbols with a space between them, found \"ab\"");
    check_bad_merges("#version\na b c\n",
                     "m.txt:2: expected two symbols with a space between them, found \"a b c\"");
    check_bad_merges("#version\na b\n\nc d\n",
                     "m.txt:3: expected two symbols with a space between them, found \"\"");
    check_bad_merges("#version\na b\nabc d\n",
                     "m.txt:3: expected a byte or a symbol that an earlier line makes, found \"abc\"");
    check_bad_merges("#version\na b\nab c\nb c\na bc\n",
                     "m.txt:5: expected a merge that makes a new symbol, found \"a bc\"");
    check_bad_merges(
        "#version\n\x01\xff \x1b[0m\n",
        "m.txt:2: expected a byte or a symbol that an earlier line makes, found \"\\u0001\\\\xff\"");
}

/* The repaired texts are ftfy 6.3.1's. */
static void test_tokenizer__refuses_mojibake_and_shows_what_was_meant(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"Caf\u00c3\u00a9", "Caf\u00e9"},
        {"Levi\u00e2\u20ac\u2122s jeans", "Levi's jeans"},  /* Windows-1252 */
        {"voil\u00c3 le travail", "voil\u00e0 le travail"}, /* a space for U+00A0 */
        {"\u00c3 la carte", "\u00e0 la carte"},             /* at the text's start a capital is enough */
        {"\u0420\u045f\u0421\u0402\u0420\u0451\u0420\u0406\u0420\u00b5\u0421\u201a",
         "\u041f\u0440\u0438\u0432\u0435\u0442"}, /* Windows-1251 */
    };
    struct tokenizer *t = parse(small_merges);
    struct tokens tokens = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *message =
            str_format("the text \"%s\" was decoded with a wrong encoding: CLIP's tokenizer (ftfy) reads "
                       "it as \"%s\"; write the intended text",
                       pairs[i][0], pairs[i][1]);
        check_error(tokenizer_encode(&tokens, t, pairs[i][0]), ERR_FORMAT, message);
        assert_int_equal(tokens.n, 0);
        check_ok(tokenizer_encode(&tokens, t, pairs[i][1]));
        tokens_free(&tokens);
        free(message);
    }
    tokenizer_free(t);
}

/* ---------------------------------------------------------------- OpenAI's merges */

/* The data root of the test setup.merges, or the real one; NULL if neither holds merges. */
static const char *merges_root(void)
{
    const char *roots[] = {MERGES_ROOT, real_data_root()};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        char *path = roots[i] ? path_join(roots[i], "clip/bpe_simple_vocab_16e6.txt.gz") : NULL;
        const bool is_there = path && access(path, R_OK) == 0;
        free(path);
        if (is_there)
            return roots[i];
    }
    return NULL;
}

static void test_tokenizer__gives_the_recorded_ids(void **state)
{
    (void)state;
    char *path = NULL;
    struct tokenizer *t = NULL;
    if (!merges_root())
        skip();
    check_ok(merges_find_file(&path, "", "", merges_root()));
    check_ok(tokenizer_open(&t, path));
    free(path);
    assert_int_equal(tokenizer_vocab_size(t), 49408);
    assert_int_equal(tokenizer_start(t), 49406);
    assert_int_equal(tokenizer_end(t), 49407);
    /* recorded from open_clip 3.3.0 with ftfy 6.3.1 */
    CHECK_IDS(t, "a photo of a cat.", 320, 1125, 539, 320, 2368, 269);
    CHECK_IDS(t, "Rhodesian Ridgeback", 39302, 6221, 16580, 893);
    CHECK_IDS(t, "great_white  shark", 830, 318, 1579, 7980);
    CHECK_IDS(t, "It's the dog's; they'LL say '\u017f", 585, 568, 518, 1929, 568, 282, 889, 1342, 1451, 6,
              129, 379);
    CHECK_IDS(t, "2023", 273, 271, 273, 274);
    CHECK_IDS(t, "&eacute;t&eacute; &amp;amp; hiver", 3459, 39694, 261, 677, 667);
    CHECK_IDS(t, "\u039f\u0394\u039f\u03a3", 138, 123, 138, 112, 138, 123, 139, 480);
    CHECK_IDS(t, "\u0130stanbul", 328, 16384, 11231);
    CHECK_IDS(t, "na\u00efve CAF\u00c9", 1097, 35689, 563, 15304);
    CHECK_IDS(t, "\u6771\u4eac\u30bf\u30ef\u30fc", 48338, 21078, 105, 34941, 2429, 107, 30391);
    CHECK_IDS(t, "\U0001f469\u200d\U0001f680!\?", 26304, 22400, 6004);
    CHECK_IDS(t, "<start_of_text>x<END_of_text>!<end_of_text>", 49406, 343, 49407, 0, 283, 806, 318, 539, 318,
              4160, 285);
    CHECK_IDS(t, "<|startoftext|>", 27, 347, 993, 6659, 4160, 91, 285);
    CHECK_IDS(t, "supercalifragilisticexpialidocious", 1642, 2857, 13093, 2076, 5868, 26850, 835, 639, 38466);
    /* each of ftfy's steps: quotes, form C, ligatures, width, controls, escapes, line breaks, C1,
     * references */
    CHECK_IDS(t, "Levi\u2019s \u201cjeans\u201d", 19113, 568, 257, 10157, 257);
    CHECK_IDS(t, "cafe\u0301", 15304);
    CHECK_IDS(t, "o\ufb03ce \ufb01sh", 2171, 2759);
    CHECK_IDS(t, "\uff21\uff22\uff23\u3000\uff11", 5334, 272);
    CHECK_IDS(t,
              "a\x07 re\x7f"
              "d\ufeff",
              320, 736);
    CHECK_IDS(t, "\x1b[1;31mred\x1b[0m fox", 736, 3240);
    CHECK_IDS(t,
              "black\r\ncat\u2028"
              "dog",
              1449, 2368, 1929);
    CHECK_IDS(t,
              "a\xc2\x85"
              "b \xc2\x93"
              "c\xc2\x94",
              320, 959, 321, 257, 322, 257);
    CHECK_IDS(t, "\u01c6", 67, 129, 378);
    CHECK_IDS(t, "\u0149", 262, 333);
    CHECK_IDS(t, "AT&EACUTE; &SZLIG;", 527, 4166, 632);
    CHECK_IDS(t, "&lt;b&gt; caf\u00e9", 283, 321, 285, 15304);
    CHECK_IDS(t, "&rsquo;", 262);
    CHECK_IDS(t, "a <b &rsquo;", 320, 283, 321, 728, 503); /* HTML: ftfy keeps references, and then quotes */
    tokenizer_free(t);
}

/* ---------------------------------------------------------------- all */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenizer__learned_merges_make_each_word_one_token),
        cmocka_unit_test(test_tokenizer__a_small_vocabulary_names_the_word_that_it_does_not_know),
        cmocka_unit_test(test_tokenizer__learns_the_lowest_of_equally_frequent_pairs),
        cmocka_unit_test(test_tokenizer__sizes_the_vocabulary_by_the_merges),
        cmocka_unit_test(test_tokenizer__merges_in_rank_order),
        cmocka_unit_test(test_tokenizer__parses_windows_lines_and_a_missing_last_end),
        cmocka_unit_test(test_tokenizer__drops_text_without_pieces),
        cmocka_unit_test(test_tokenizer__replaces_references_twice_in_html),
        cmocka_unit_test(test_tokenizer__keeps_what_was_there_on_failure),
        cmocka_unit_test(test_tokenizer__names_the_line_of_a_bad_merge),
        cmocka_unit_test(test_tokenizer__refuses_mojibake_and_shows_what_was_meant),
        cmocka_unit_test(test_tokenizer__gives_the_recorded_ids),
    };
    const int n_failed = cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
    if (n_failed == 0 && !merges_root())
        return real_data_skip("CLIP's merges are not here: the test setup.merges did not find them");
    return n_failed;
}
