/* Merges files, packed or not, and a tokenizer made of them. */
#include <stdlib.h>

#include "fuzz.h"
#include "prompt/text/tokenizer.h"
#include "text/merges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_file file = fuzz_file_open(data, n);
    struct tokenizer *tokenizer = NULL;
    int status = tokenizer_open(&tokenizer, file.path);
    fuzz_require_status(status);
    if (status == OK) {
        struct tokens tokens = {0};
        FUZZ_REQUIRE(tokenizer_encode(&tokens, tokenizer, "a photo of a lowest-newer caf\xc3\xa9.") == OK);
        for (size_t i = 0; i < tokens.n; i++)
            FUZZ_REQUIRE(tokens.ids[i] >= 0 && tokens.ids[i] < tokenizer_vocab_size(tokenizer));
        tokens_free(&tokens);
    }
    tokenizer_free(tokenizer);
    fuzz_file_close(&file);
    return 0;
}
