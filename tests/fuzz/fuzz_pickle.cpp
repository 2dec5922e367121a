// The pickle of an archive without the zip file around it, whose tables a mutation would break first.
#include "fuzz.h"
#include "pickle.hpp"

namespace
{

constexpr size_t max_values = 4096;

/** Visits all values below the root; they may form cycles. */
void walk(const shim::value &v, int depth, size_t &n_values)
{
    if (depth > 32 || ++n_values > max_values)
        return;
    if (v.kind == shim::value::kind::tensor && v.tensor.defined() && v.tensor.numel() <= 4096)
        (void)v.tensor.to(at::kFloat).sum();
    for (const shim::value *item : v.items)
        walk(*item, depth + 1, n_values);
    for (const auto &[key, member] : v.members) {
        walk(*key, depth + 1, n_values);
        walk(*member, depth + 1, n_values);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const c10::InferenceMode guard;
    const auto load = [](const shim::value &storage) {
        return at::zeros({static_cast<int64_t>(storage.text.size() * 16)}, at::kByte);
    };
    try {
        size_t n_values = 0;
        const shim::pickle pickled(reinterpret_cast<const char *>(data), n, load);
        walk(pickled.root(), 0, n_values);
    } catch (const shim::damaged &e) {
        FUZZ_REQUIRE(e.what()[0] != '\0');
    }
    return 0;
}
