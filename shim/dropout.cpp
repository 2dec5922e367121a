// Masks of dropout from the program's own generator.
#include "shim.hpp"

#include "prompt/base/rng.h"
#include "prompt/torch/fused.h"

using shim::check;
using shim::run;

namespace
{

/** One bit of a row's stream in each half of an output, the low one first: kept with probability 1 - p. */
void fill_row(uint8_t *row, int64_t n, struct rng stream, uint32_t n_dropped)
{
    for (int64_t i = 0; i < n; i += 2) {
        const uint32_t bits = rng_u32(&stream);
        row[i] = (bits & 0xffffU) >= n_dropped;
        if (i + 1 < n)
            row[i + 1] = (bits >> 16) >= n_dropped;
    }
}

} // namespace

extern "C" {

tensor *t_dropout_mask(scope *s, const struct dropout_stream *d, const int64_t *rows, int64_t n_rows,
                       int64_t n, enum dtype dtype, struct device device)
{
    return run(s, "t_dropout_mask", [&] {
        check(d->p >= 0.0 && d->p < 1.0, "the probability is not in [0, 1)");
        const auto n_dropped = static_cast<uint32_t>(d->p * 65536.0 + 0.5);
        at::Tensor kept = at::empty({n_rows, n}, at::kByte);
        auto *values = kept.mutable_data_ptr<uint8_t>();
        at::parallel_for(0, n_rows, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) {
                struct rng stream;
                const auto row = static_cast<uint64_t>(d->first_row + (rows ? rows[i] : i));
                rng_init(&stream, d->seed, RNG_DROPOUT, d->step, d->product << 32 | row);
                fill_row(values + i * n, n, stream, n_dropped);
            }
        });
        shim::count_upload();
        return kept.to(shim::options(dtype, device));
    });
}

} // extern "C"
