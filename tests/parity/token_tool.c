/*
 * The tokenizer for tests/parity/test_tokenizer.py: token_tool MERGES <TEXTS >IDS
 *
 * Reads texts, each ended by a NUL, and writes the ids of each on a line of its own; of a text that is
 * refused
 * "! " and the reason.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "prompt/base/str.h"
#include "prompt/text/tokenizer.h"

static int print_ids(const struct tokenizer *t, const char *text)
{
    struct tokens tokens = {0};
    int status = tokenizer_encode(&tokens, t, text);
    if (status == ERR_FORMAT) {
        printf("! %s", error_message());
        status = OK;
    }
    for (size_t i = 0; i < tokens.n; i++)
        printf("%s%" PRId64, i ? " " : "", tokens.ids[i]);
    tokens_free(&tokens);
    if (status == OK && putchar('\n') == EOF)
        status = error_set(ERR_IO, "cannot write to the standard output");
    return status;
}

static int run(const char *merges_path)
{
    struct tokenizer *t = NULL;
    int status = tokenizer_open(&t, merges_path);
    struct str text = {0};
    for (int c; status == OK && (c = getchar()) != EOF;) {
        str_append_char(&text, (char)c);
        status = str_status(&text);
        if (c != '\0' || status != OK)
            continue;
        status = print_ids(t, text.data);
        str_clear(&text);
    }
    str_free(&text);
    tokenizer_free(t);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: token_tool MERGES <TEXTS >IDS\n", stderr);
        return 2;
    }
    int status = run(argv[1]);
    if (status != OK)
        fprintf(stderr, "token_tool: %s\n", error_message());
    return error_exit_code(status);
}
