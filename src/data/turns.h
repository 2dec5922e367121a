/** The turns of a part of the processes that read a list together: which rows of which batches it makes. */
#ifndef PROMPT_SRC_DATA_TURNS_H
#define PROMPT_SRC_DATA_TURNS_H

#include "prompt/base/share.h"
#include "prompt/data/loader.h"

struct turns {
    int64_t n_batches; /* of all parts */
    int64_t n, n_rows; /* turns, and rows of each but the last, which may have fewer */
    int64_t n_items, batch_size, part, n_parts;
    bool deals_batches;
};

/** @param o  with a batch size of at most n_items, and parts */
struct turns turns_of(const struct loader_options *o, int64_t n_items);
int64_t turns_batch(const struct turns *t, int64_t turn);
int64_t turns_whole(const struct turns *t, int64_t batch);       /* rows of a batch, of all parts */
struct share turns_rows(const struct turns *t, int64_t batch);   /* of this part */
int64_t turns_n_rows_until(const struct turns *t, int64_t turn); /* before it, in all turns */

#endif
