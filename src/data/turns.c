/* Every n-th batch, or a share of each. */
#include "turns.h"

struct turns turns_of(const struct loader_options *o, int64_t n_items)
{
    struct turns t = {.n_batches = n_items / o->batch_size + (!o->drop_last && n_items % o->batch_size != 0),
                      .n_items = n_items,
                      .batch_size = o->batch_size,
                      .part = o->part,
                      .n_parts = o->n_parts,
                      .deals_batches = o->deals_batches};
    t.n = o->deals_batches ? share_of(t.n_batches, o->part, o->n_parts).n : t.n_batches;
    t.n_rows = turns_rows(&t, 0).n;
    return t;
}

int64_t turns_batch(const struct turns *t, int64_t turn)
{
    return t->deals_batches ? turn * t->n_parts + t->part : turn;
}

int64_t turns_whole(const struct turns *t, int64_t batch)
{
    const int64_t left = t->n_items - batch * t->batch_size;
    return left < t->batch_size ? left : t->batch_size;
}

struct share turns_rows(const struct turns *t, int64_t batch)
{
    const int64_t n = turns_whole(t, batch);
    return t->deals_batches ? (struct share){.n = n} : share_of(n, t->part, t->n_parts);
}

int64_t turns_n_rows_until(const struct turns *t, int64_t turn)
{
    if (turn < t->n || turn == 0)
        return turn * t->n_rows;
    return (t->n - 1) * t->n_rows + turns_rows(t, turns_batch(t, t->n - 1)).n;
}
