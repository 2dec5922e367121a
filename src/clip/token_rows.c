/* Rows of token ids. */
#include "prompt/clip/token_rows.h"

#include <stdlib.h>

#include "prompt/base/error.h"

int token_rows_create(struct token_rows *out, int64_t n, int64_t n_tokens)
{
    *out = (struct token_rows){.n = n, .n_tokens = n_tokens};
    out->ids = calloc((size_t)(n * n_tokens), sizeof *out->ids);
    out->ends = calloc((size_t)n, sizeof *out->ends);
    return out->ids && out->ends ? OK : error_out_of_memory();
}

void token_rows_free(struct token_rows *rows)
{
    free(rows->ids);
    free(rows->ends);
    *rows = (struct token_rows){0};
}

bool token_rows_share(const struct token_rows *rows)
{
    return rows->n_learned == 0 && !rows->is_separate;
}
