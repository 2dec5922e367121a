// A task's result does not depend on the range that it is computed in, and so not on the number of threads: bit for bit.
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#include "kernel_calls.hpp"

namespace
{

template <class T> void expect_same(const char *what, const std::vector<T> &got, const std::vector<T> &want)
{
    assert_int_equal(got.size(), want.size());
    if (std::memcmp(got.data(), want.data(), want.size() * sizeof(T)) != 0)
        fail_msg("%s depends on the ranges, and so on the number of threads", what);
}

template <class T> void split_norms()
{
    for_norms<T>([&](int64_t W, bool accumulate, const auto &x, const auto &d, const auto &dy) {
        for_every_set<T>([&](const kernels::table<T> &t) {
            const norm_result<T> want = norm(t, W, x, d, dy, accumulate, ROWS);
            for (int64_t range = 1; range < ROWS; range++) {
                const norm_result<T> got = norm(t, W, x, d, dy, accumulate, range);
                expect_same("the residual stream", got.x, want.x);
                expect_same("the norm", got.y, want.y);
                expect_same("the norm's deviation", got.rstd, want.rstd);
                expect_same("the norm's gradient", got.g, want.g);
                expect_same("the copy of the norm's gradient", got.g_copy, want.g_copy);
            }
        });
    });
}

template <class T> void split_attention()
{
    for (const int64_t width : {5, 64}) {
        const int64_t heads = 2, W = heads * width, n = static_cast<int64_t>(EVERY.first.size()) - 1, p = 3;
        const auto q = random_values<T>(static_cast<size_t>(B * n * W));
        const auto kv = random_values<T>(static_cast<size_t>(B * N_NODES * 2 * W));
        const auto prefix = random_values<T>(static_cast<size_t>(B * p * 2 * W));
        const auto g = random_values<T>(static_cast<size_t>(B * n * W));
        for_every_set<T>([&](const kernels::table<T> &t) {
            const auto want = attention(t, EVERY, heads, width, p, q, kv, prefix, g, B * n);
            for (int64_t range = 1; range < B * n; range++) {
                const auto got = attention(t, EVERY, heads, width, p, q, kv, prefix, g, range);
                expect_same("the tree's attention", got.out, want.out);
                expect_same("the gradient of the tree's queries", got.d_q, want.d_q);
                expect_same("the gradient of the tree's keys", got.d_kv, want.d_kv);
                expect_same("the gradient of the prefix's keys", got.d_prefix_k, want.d_prefix_k);
                expect_same("the gradient of the prefix's values", got.d_prefix_v, want.d_prefix_v);
            }
        });
    }
}

template <class T> void split_dense()
{
    const dense_sizes z = {2, 64, 100, 105, 0, true};
    const auto qkv = random_values<T>(static_cast<size_t>(B * z.n_keys * 3 * z.heads * z.width), 0.3);
    const auto g = random_values<T>(static_cast<size_t>(B * z.n_queries * z.heads * z.width));
    for_every_set<T>([&](const kernels::table<T> &t) {
        const auto want = dense(t, z, qkv, g, 12);
        for (int64_t range = 1; range < 12; range++) {
            const auto got = dense(t, z, qkv, g, range);
            expect_same("attention", got.out, want.out);
            expect_same("attention's sums", got.lse, want.lse);
            expect_same("the gradient of attention", got.d_qkv, want.d_qkv);
        }
    });
}

// Ranges of elements begin at whole blocks.
template <class T> void split_elements()
{
    constexpr int64_t N = 16 * 70 + 3;
    const std::vector<T> x = random_values<T>(N, 3.0), by = random_values<T>(N);
    const auto all = [&](const kernels::table<T> &t, bool keep, int64_t range) {
        std::vector<T> in = x, out(N);
        for_ranges(N, range, [&](int64_t begin, int64_t end) {
            t.silu(in.data(), out.data(), keep, begin, end);
            t.multiply(out.data(), by.data(), begin, end);
        });
        in.insert(in.end(), out.begin(), out.end());
        return in;
    };
    for (const bool keep : {false, true})
        for_every_set<T>([&](const kernels::table<T> &t) {
            const auto want = all(t, keep, N);
            for (const int64_t range : {16, 48, 512, 1024})
                expect_same("SiLU", all(t, keep, range), want);
        });
}

template <class T> void split_panels()
{
    for (const panel_sizes &z : PANEL_SIZES) {
        const panel_operands<T> v = panel_values<T>(z);
        for_every_set<T>([&](const kernels::table<T> &t) {
            const std::vector<T> want = panels(t, z, v, 1, 100);
            for (const int64_t n_chunks : {1, 2, 5, 30})
                for (const int64_t range : {1, 3})
                    expect_same("a product with panels", panels(t, z, v, n_chunks, range), want);
        });
    }
}

template <class T> void split_all()
{
    split_norms<T>();
    split_attention<T>();
    split_dense<T>();
    split_elements<T>();
}

void test_ranges__of_floats(void **)
{
    split_all<float>();
    split_panels<float>();
}

void test_ranges__of_doubles(void **)
{
    split_all<double>();
    split_panels<double>();
}

void test_ranges__of_bfloat16(void **)
{
    split_all<bf16>();
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges__of_floats),
        cmocka_unit_test(test_ranges__of_doubles),
        cmocka_unit_test(test_ranges__of_bfloat16),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
