/*
 * Class names and captions to token ids: any bytes except 0, as in a C string. Short ones are also repeated
 * to a long text with a time limit: none may take quadratic time.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "prompt/base/str.h"
#include "prompt/text/tokenizer.h"

/* Enough for several rounds of merges; every other word becomes bytes. */
static const char merges[] = "#version: 0.2\nt h\nth e</w>\no f</w>\np h\nph o\nt o</w>\npho to</w>\n";

enum { SHORT = 32, LONG = 8192, MAX_SECONDS = 1 };

static void encode(const struct tokenizer *tokenizer, const char *text)
{
    struct tokens tokens = {0};
    bool differs = false;
    int status = tokenizer_encode(&tokens, tokenizer, text);
    fuzz_require_status(status);
    FUZZ_REQUIRE(status == OK || tokens.n == 0);
    for (size_t i = 0; i < tokens.n; i++)
        FUZZ_REQUIRE(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer_vocab_size(tokenizer));
    tokens_free(&tokens);
    fuzz_require_status(tokenizer_differs_from_transformers(&differs, text));
}

static double cpu_seconds(void)
{
    struct timespec now;
    FUZZ_REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void encode_repeated(const struct tokenizer *tokenizer, const char *text)
{
    struct str repeated = {0};
    while (repeated.len < LONG)
        str_append(&repeated, text);
    FUZZ_REQUIRE(str_status(&repeated) == OK);
    const double start = cpu_seconds();
    encode(tokenizer, str_text(&repeated));
    FUZZ_REQUIRE(cpu_seconds() - start < MAX_SECONDS);
    str_free(&repeated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct tokenizer *tokenizer = NULL;
    char *text = str_dup_n((const char *)data, n);
    FUZZ_REQUIRE(text != NULL);
    if (strlen(text) == n) {
        FUZZ_REQUIRE(tokenizer_parse(&tokenizer, merges, sizeof merges - 1, "merges") == OK);
        encode(tokenizer, text);
        if (n > 0 && n <= SHORT && n % 16 == 0) /* only some: each takes as long as a hundred inputs */
            encode_repeated(tokenizer, text);
    }
    tokenizer_free(tokenizer);
    free(text);
    return 0;
}
