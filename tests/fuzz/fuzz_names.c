/* Class names and captions on their way to token ids: any bytes but 0, as a C text holds them. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "prompt/base/str.h"
#include "prompt/clip/tokenizer.h"

/* Enough for merges of several rounds; every other word falls apart into bytes. */
static const char merges[] = "#version: 0.2\nt h\nth e</w>\no f</w>\np h\nph o\nt o</w>\npho to</w>\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct tokenizer *tokenizer = NULL;
    struct tokens tokens = {0};
    char *text = str_dup_n((const char *)data, n);
    FUZZ_REQUIRE(text != NULL);
    if (strlen(text) == n) {
        FUZZ_REQUIRE(tokenizer_parse(&tokenizer, merges, sizeof merges - 1, "merges") == OK);
        int status = tokenizer_encode(&tokens, tokenizer, text);
        fuzz_require_status(status);
        FUZZ_REQUIRE(status == OK || tokens.n == 0);
        for (size_t i = 0; i < tokens.n; i++)
            FUZZ_REQUIRE(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer_vocab_size(tokenizer));
    }
    tokens_free(&tokens);
    tokenizer_free(tokenizer);
    free(text);
    return 0;
}
