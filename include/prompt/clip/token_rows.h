/** Texts as rows of token ids, on the host. Free of libtorch. */
#ifndef PROMPT_CLIP_TOKEN_ROWS_H
#define PROMPT_CLIP_TOKEN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/** K texts, padded to a common length: whole ones, or what follows a prefix. */
struct token_rows {
    int64_t n;         /* K */
    int64_t n_tokens;  /* of the longest row */
    int64_t *ids;      /* [K,n_tokens], owned; -1-j: the j-th learned vector; 0 after a row's end */
    int64_t *ends;     /* [K], owned: the index of each row's end token */
    int64_t n_learned; /* learned vectors in each row; 0: tokens alone */
    /* rows that begin alike differ in the tower, too: dropout, which each row has of its own */
    bool is_separate;
};

/** Allocates n rows of n_tokens zeros. @return OK; ERR_MEMORY, and `out` is to be freed all the same */
int token_rows_create(struct token_rows *out, int64_t n, int64_t n_tokens);
void token_rows_free(struct token_rows *rows); /* leaves them empty */
/** Whether rows that begin alike have the same values there: they hold no learned vectors and are not separate. */
bool token_rows_share(const struct token_rows *rows);

#endif
