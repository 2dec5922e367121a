/* Files of merges: OpenAI's, transformers' merges.txt with vocab.json and tokenizer.json; their search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/base/str.h"
#include "prompt/text/merges_find.h"
#include "prompt/text/tokenizer.h"

enum { N_BYTE_SYMBOLS = 512 };

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

static const char small_merges[] = "#version: 0.2\nc a\nca t</w>\na t</w>\nca ca\n";

/* The one token of "cat" by the small merges. */
static void check_cat(const struct tokenizer *t)
{
    struct tokens tokens = {0};
    check_ok(tokenizer_encode(&tokens, t, "Cat"));
    assert_int_equal(tokens.n, 1);
    assert_int_equal(tokens.ids[0], N_BYTE_SYMBOLS + 1);
    tokens_free(&tokens);
}

/* ---------------------------------------------------------------- files */

/* A new file in `folder`, the tests' common state. */
static char *write_file(const char *folder, const char *name, const void *data, size_t n)
{
    char *path = path_join(folder, name);
    check_ok(file_write_atomic(path, data, n));
    return path;
}

static void test_merges__opens_plain_text(void **state)
{
    char *path = write_file(*state, "plain.txt", small_merges, strlen(small_merges));
    struct tokenizer *t = NULL;
    check_ok(tokenizer_open(&t, path));
    check_cat(t);
    tokenizer_free(t);
    unlink(path);
    free(path);
}

static void check_bad_file(const char *path, int status, const char *before, const char *after)
{
    struct tokenizer *t = NULL;
    char *message = str_format("%s'%s'%s", before, path, after);
    check_error(tokenizer_open(&t, path), status, message);
    assert_null(t);
    free(message);
}

static void test_merges__refuses_damaged_files(void **state)
{
    static const unsigned char cut[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    static const unsigned char damaged[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff};
    char *path = write_file(*state, "cut.gz", cut, sizeof cut);
    check_bad_file(path, ERR_FORMAT, "", ": the gzip data end too early");
    unlink(path);
    free(path);
    path = write_file(*state, "damaged.gz", damaged, sizeof damaged);
    check_bad_file(path, ERR_FORMAT, "", ": damaged gzip data: invalid block type");
    unlink(path);
    check_bad_file(path, ERR_IO, "cannot open ", ": No such file or directory");
    free(path);
}

static void check_found(const char *key, const char *model_path, const char *data_root, const char *expected)
{
    char *path = NULL;
    check_ok(merges_find_file(&path, key, model_path, data_root));
    assert_string_equal(path, expected);
    free(path);
}

static void test_merges__finds_merges_by_key_then_model_then_data(void **state)
{
    char *clip = path_join(*state, "data/clip");
    char *data = path_join(*state, "data");
    char *model = path_join(*state, "model.safetensors");
    check_ok(file_make_dirs(clip));
    char *in_data = write_file(*state, "data/clip/bpe_simple_vocab_16e6.txt.gz", "", 0);
    check_found("", model, data, in_data);
    char *beside = write_file(*state, "bpe_simple_vocab_16e6.txt", "", 0);
    check_found(NULL, model, data, beside);
    check_found(NULL, *state, data, beside); /* a model that is a folder */
    check_found(in_data, model, data, in_data);
    check_found(clip, model, data, in_data); /* a key that names a folder */
    unlink(beside);
    unlink(in_data);
    rmdir(clip);
    rmdir(data);
    free(beside);
    free(in_data);
    free(model);
    free(data);
    free(clip);
}

/* ---------------------------------------------------------------- transformers' files */

/* Appends GPT-2's spelling of the byte whose id is `id`. */
static void spell_byte(struct str *out, int id)
{
    const int c = id < 94    ? id + 33
                  : id < 106 ? id - 94 + 0xa1
                  : id < 188 ? id - 106 + 0xae
                             : id - 188 + 0x100;
    char utf8[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
    if (c < 0x80)
        str_appendf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    else
        str_append_n(out, utf8, 2);
}

/* The vocabulary of the small merges; its last two are swapped on request. */
static char *make_vocab(bool in_order)
{
    struct str out = {0};
    str_append_char(&out, '{');
    for (int id = 0; id < N_BYTE_SYMBOLS; id++) {
        str_append_char(&out, '"');
        spell_byte(&out, id % 256);
        str_appendf(&out, "%s\": %d,\n", id < 256 ? "" : "</w>", id);
    }
    str_appendf(&out,
                "\"ca\": 512, \"cat</w>\": 513, \"at</w>\": %d, \"caca\": %d,\n"
                "\"<|startoftext|>\": 516, \"<|endoftext|>\": 517}",
                in_order ? 514 : 515, in_order ? 515 : 514);
    return out.data;
}

#define SPECIAL                                                                                              \
    "[{\"id\": 516, \"content\": \"<|startoftext|>\"}, {\"id\": 517, \"content\": \"<|endoftext|>\"}]"
#define NORMALIZER                                                                                           \
    "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Replace\", \"pattern\": "  \
    "{\"Regex\": \"\\\\s+\"}, \"content\": \" \"}, {\"type\": \"Lowercase\"}]}"
#define SPLIT                                                                                                \
    "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": {\"Regex\": "           \
    "\"'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\"}, \"behavior\": "          \
    "\"Removed\", "                                                                                          \
    "\"invert\": true}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true}]}"
#define MODEL                                                                                                \
    "\"type\": \"BPE\", \"dropout\": null, \"end_of_word_suffix\": \"</w>\", \"ignore_merges\": false"
#define PAIRS "[[\"c\", \"a\"], [\"ca\", \"t</w>\"], [\"a\", \"t</w>\"], [\"ca\", \"ca\"]]"
#define LINES "[\"c a\", \"ca t</w>\", \"a t</w>\", \"ca ca\"]"

struct parts {
    const char *added, *normalizer, *split, *model, *merges;
    bool is_another_vocab;
};

static char *make_tokenizer_json(const struct parts *p)
{
    char *vocab = make_vocab(!p->is_another_vocab);
    char *out = str_format(
        "{\"version\": \"1.0\", \"added_tokens\": %s,\n\"normalizer\": %s,\n\"pre_tokenizer\": %s,\n"
        "\"model\": {%s,\n\"merges\": %s,\n\"vocab\": %s}}",
        p->added ? p->added : SPECIAL, p->normalizer ? p->normalizer : NORMALIZER,
        p->split ? p->split : SPLIT, p->model ? p->model : MODEL, p->merges ? p->merges : PAIRS, vocab);
    free(vocab);
    return out;
}

static void check_json(const char *folder, const struct parts *p, const char *problem)
{
    char *json = make_tokenizer_json(p);
    char *path = write_file(folder, "tokenizer.json", json, strlen(json));
    struct tokenizer *t = NULL;
    if (problem) {
        char *message = str_format("%s:%s", path, problem);
        check_error(tokenizer_open(&t, path), ERR_FORMAT, message);
        free(message);
    } else {
        check_ok(tokenizer_open(&t, path));
        check_cat(t);
    }
    tokenizer_free(t);
    unlink(path);
    free(path);
    free(json);
}

static void test_merges__reads_a_tokenizer_json(void **state)
{
    check_json(*state, &(struct parts){0}, NULL);
    check_json(*state, &(struct parts){.merges = LINES}, NULL);
    check_json(*state, &(struct parts){.added = "[]"}, NULL);
}

static void test_merges__names_what_in_a_tokenizer_json_cannot_be_followed(void **state)
{
    check_json(*state, &(struct parts){.model = "\"type\": \"WordPiece\""},
               "4: 'type' is not supported: expected \"BPE\"");
    check_json(*state, &(struct parts){.model = "\"type\": \"BPE\""},
               "4: 'model' has no 'end_of_word_suffix': it is not CLIP's tokenizer");
    check_json(*state, &(struct parts){.model = MODEL ", \"byte_fallback\": true"},
               "4: 'byte_fallback' is not supported: expected it off or empty");
    check_json(*state, &(struct parts){.model = MODEL ", \"words\": 1"}, "4: 'words' is an unknown member");
    check_json(*state, &(struct parts){.normalizer = "{\"type\": \"NFKC\"}"},
               "2: 'normalizer' is not CLIP's, so it is not supported");
    check_json(*state, &(struct parts){.normalizer = "null"},
               "2: 'normalizer' is not CLIP's, so it is not supported");
    check_json(*state, &(struct parts){.split = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}"},
               "3: 'pre_tokenizer' is not CLIP's, so it is not supported");
    check_json(*state, &(struct parts){.added = "[{\"id\": 0, \"content\": \"!\"}]"},
               "1: 'added_tokens': expected only CLIP's two, others are not supported, found \"!\"");
    check_json(*state, &(struct parts){.added = "[{\"id\": 5, \"content\": \"<|endoftext|>\"}]"},
               "1: 'added_tokens': expected 517, its id by the merges, found 5");
    check_json(*state, &(struct parts){.merges = "[[\"c\", \"at\"]]"},
               "5: 'merges': expected a byte or a symbol that an earlier line makes, found \"at\"");
    check_json(*state, &(struct parts){.merges = "[[\"c\"]]"},
               "5: 'merges': expected a string, found an array");
    check_json(*state, &(struct parts){.merges = "[]"}, "5: 'merges': expected an array of 1 to 48894");
    check_json(*state, &(struct parts){.merges = "[\"c a\", \"ca t</w>\", \"a t</w>\"]"},
               "518: 'caca': expected a token that the merges make, found \"caca\"");
    check_json(*state, &(struct parts){.is_another_vocab = true},
               "518: 'at</w>': expected 514, its id by the merges, found 515");
}

static void test_merges__checks_the_vocabulary_beside_merges_txt(void **state)
{
    char *path = write_file(*state, "merges.txt", small_merges, strlen(small_merges));
    struct tokenizer *t = NULL;
    check_ok(tokenizer_open(&t, path)); /* without a vocab.json the merges' order counts */
    tokenizer_free(t);
    char *vocab = NULL;
    for (int in_order = 0; in_order < 2; in_order++) {
        char *json = make_vocab(in_order);
        vocab = write_file(*state, "vocab.json", json, strlen(json));
        char *message = str_format("%s:513: 'at</w>': expected 514, its id by the merges, found 515", vocab);
        if (in_order) {
            check_ok(tokenizer_open(&t, path));
            check_cat(t);
            tokenizer_free(t);
        } else {
            check_error(tokenizer_open(&t, path), ERR_FORMAT, message);
        }
        unlink(vocab);
        free(vocab);
        free(message);
        free(json);
    }
    unlink(path);
    free(path);
}

/* ---------------------------------------------------------------- search */

static void test_merges__says_where_it_looked_and_what_fetches_them(void **state)
{
    (void)state;
    char *path = NULL;
    check_error(
        merges_find_file(&path, "", "/none/model.pt", "/none/data"), ERR_IO,
        "no merges of CLIP's tokenizer: looked in '/none' and '/none/data/clip' for "
        "bpe_simple_vocab_16e6.txt.gz (or .txt), merges.txt, tokenizer.json; 'scripts/fetch_merges.sh /none' "
        "fetches them, and the key model.merges names another place");
    assert_null(path);
    check_error(merges_find_file(&path, "/none/merges.gz", "/", "/"), ERR_IO,
                "the merges file '/none/merges.gz' (key model.merges) does not exist");
    check_error(merges_find_file(&path, "/", "/none", NULL), ERR_IO,
                "no merges of CLIP's tokenizer: looked in '/' (key model.merges) for "
                "bpe_simple_vocab_16e6.txt.gz (or "
                ".txt), merges.txt, tokenizer.json; 'scripts/fetch_merges.sh /' fetches them");
    check_error(
        merges_find_file(&path, NULL, NULL, NULL), ERR_IO,
        "no merges of CLIP's tokenizer: neither a model nor a data root is given; the key model.merges names "
        "a file");
}

static void test_merges__prefers_openais_file_then_merges_txt_then_tokenizer_json(void **state)
{
    char *json = write_file(*state, "tokenizer.json", "", 0);
    check_found("", *state, "/none", json);
    char *text = write_file(*state, "merges.txt", "", 0);
    check_found("", *state, "/none", text);
    char *openai = write_file(*state, "bpe_simple_vocab_16e6.txt.gz", "", 0);
    check_found("", *state, "/none", openai);
    char *paths[3] = {json, text, openai};
    for (size_t i = 0; i < 3; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
}

/* ---------------------------------------------------------------- all */

static int make_folder(void **state)
{
    *state = str_dup("/tmp/prompt-test-merges-XXXXXX");
    return *state && mkdtemp(*state) ? 0 : -1;
}

static int remove_folder(void **state)
{
    int result = rmdir(*state); /* fails if a test left a file */
    free(*state);
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merges__opens_plain_text),
        cmocka_unit_test(test_merges__refuses_damaged_files),
        cmocka_unit_test(test_merges__reads_a_tokenizer_json),
        cmocka_unit_test(test_merges__names_what_in_a_tokenizer_json_cannot_be_followed),
        cmocka_unit_test(test_merges__checks_the_vocabulary_beside_merges_txt),
        cmocka_unit_test(test_merges__finds_merges_by_key_then_model_then_data),
        cmocka_unit_test(test_merges__prefers_openais_file_then_merges_txt_then_tokenizer_json),
        cmocka_unit_test(test_merges__says_where_it_looked_and_what_fetches_them),
    };
    return cmocka_run_group_tests_name("merges", tests, make_folder, remove_folder);
}
