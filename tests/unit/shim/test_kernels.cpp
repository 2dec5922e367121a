// Compares the kernels of each instruction set of this processor with the generic ones, and the generic ones
// with definitions in double. Widths are not multiples of a vector, strides are longer than rows.
#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#include "kernel_calls.hpp"

using kernels::isa;

namespace
{

// The tolerance: the largest difference of two tables divided by `want`'s largest value.
template <class T> double tolerance();
template <> double tolerance<double>()
{
    return 1e-13;
}
template <> double tolerance<float>()
{
    return 3e-6;
}
template <> double tolerance<bf16>()
{
    return 8e-3; // sums in another order may round to the next value: 2^-8 of it
}

template <class T> double difference(const std::vector<T> &got, const std::vector<T> &want)
{
    double most = 0.0, size = 0.0;
    assert_int_equal(got.size(), want.size());
    for (size_t i = 0; i < want.size(); i++) {
        const double d = std::fabs(static_cast<double>(value(got[i])) - static_cast<double>(value(want[i])));
        if (!(d <= most))
            most = d; // NaN too
        size = std::max(size, std::fabs(static_cast<double>(value(want[i]))));
    }
    return size > 0.0 ? most / size : most;
}

// The largest difference so far, for the log.
template <class T> double &largest()
{
    static double d = 0.0;
    return d;
}

template <class T> void expect_close(const char *what, const std::vector<T> &got, const std::vector<T> &want)
{
    const double d = difference(got, want);
    largest<T>() = std::max(largest<T>(), d);
    if (!(d <= tolerance<T>()))
        fail_msg("%s: relative difference %.1e", what, d);
}

// Calls `test` for every set except the generic one; any recent x86 has at least one.
template <class T, class F> void for_each_set(F test)
{
    for_sets<T>({isa::avx2, isa::avx512}, test);
}

// ---------------------------------------------------------------- norm

template <class T> void compare_norms()
{
    for_norms<T>([&](int64_t W, bool accumulate, const auto &x, const auto &d, const auto &dy) {
        const norm_result<T> want = norm(generic<T>(), W, x, d, dy, accumulate);
        for_each_set<T>([&](const kernels::table<T> &t) {
            const norm_result<T> got = norm(t, W, x, d, dy, accumulate);
            expect_close("x", got.x, want.x);
            expect_close("y", got.y, want.y);
            if (W == 1)
                return; // the norm of one value is 0, its gradient only rounding
            expect_close("rstd", got.rstd, want.rstd);
            expect_close("g", got.g, want.g);
            expect_close("g_copy", got.g_copy, want.g_copy);
        });
    });
}

// ---------------------------------------------------------------- element-wise

template <class T> void compare_elements()
{
    constexpr size_t N = 1003;
    std::vector<T> x = random_values<T>(N), y = random_values<T>(N);
    for (size_t i = 0; i < 201; i++)
        x[i] = rounded<T>(static_cast<double>(i) - 100.0); // both tails of the exponential
    const auto all = [&](const kernels::table<T> &t, bool keep) {
        std::vector<T> in = x, out(N), product = y;
        t.silu(in.data(), out.data(), keep, 0, 500);
        t.silu(in.data(), out.data(), keep, 500, N);
        t.multiply(product.data(), in.data(), 0, N);
        return std::vector<std::vector<T>>{in, out, product};
    };
    for (const bool keep : {false, true}) {
        const auto want = all(generic<T>(), keep);
        for_each_set<T>([&](const kernels::table<T> &t) {
            const auto got = all(t, keep);
            for (size_t i = 0; i < want.size(); i++)
                expect_close("silu", got[i], want[i]);
        });
        for (size_t i = 0; i < N; i++) { // compare the generic one with its definition
            const double v = static_cast<double>(value(x[i])), s = 1.0 / (1.0 + std::exp(-v));
            const double y_want = v * s, slope = keep ? s + v * s * (1.0 - s) : v;
            assert_true(std::fabs(static_cast<double>(value(want[1][i])) - y_want) <=
                        tolerance<T>() * std::fmax(1.0, std::fabs(y_want)));
            assert_true(std::fabs(static_cast<double>(value(want[0][i])) - slope) <=
                        tolerance<T>() * std::fmax(1.0, std::fabs(slope)));
        }
    }
}

// ---------------------------------------------------------------- attention

template <class T> void compare_attention()
{
    for (const queries *asking : {&EVERY, &ENDS})
        for (const int64_t width : {1, 5, 16, 64, 80})
            for (const int64_t p : {0, 3}) {
                const int64_t heads = 2, W = heads * width,
                              n = static_cast<int64_t>(asking->first.size()) - 1;
                const double scale = 1.0 / std::sqrt(static_cast<double>(width));
                const auto q = random_values<T>(static_cast<size_t>(B * n * W), scale);
                const auto kv = random_values<T>(static_cast<size_t>(B * N_NODES * 2 * W));
                const auto prefix = random_values<T>(static_cast<size_t>(B * p * 2 * W + 1));
                const auto g = random_values<T>(static_cast<size_t>(B * n * W));
                const auto want = attention(generic<T>(), *asking, heads, width, p, q, kv, prefix, g);
                for_each_set<T>([&](const kernels::table<T> &t) {
                    const auto got = attention(t, *asking, heads, width, p, q, kv, prefix, g);
                    expect_close("out", got.out, want.out);
                    expect_close("d_q", got.d_q, want.d_q);
                    expect_close("d_kv", got.d_kv, want.d_kv);
                    expect_close("d_prefix_k", got.d_prefix_k, want.d_prefix_k);
                    expect_close("d_prefix_v", got.d_prefix_v, want.d_prefix_v);
                });
            }
}

// ---------------------------------------------------------------- dense attention

template <class T> void compare_dense_of(const dense_sizes &z)
{
    const int64_t W = z.heads * z.width;
    auto qkv = random_values<T>(static_cast<size_t>(B * z.n_keys * 3 * W));
    for (size_t i = 0; i < qkv.size(); i++)
        if (static_cast<int64_t>(i) % (3 * W) < W)
            qkv[i] = rounded<T>(static_cast<double>(value(qkv[i])) / std::sqrt(static_cast<double>(z.width)));
    const auto g = random_values<T>(static_cast<size_t>(B * z.n_queries * W));
    const auto want = dense(generic<T>(), z, qkv, g);
    for_each_set<T>([&](const kernels::table<T> &t) {
        const auto got = dense(t, z, qkv, g);
        expect_close("out", got.out, want.out);
        expect_close("lse", got.lse, want.lse);
        expect_close("d_qkv", got.d_qkv, want.d_qkv);
    });
}

template <class T> void compare_dense()
{
    for (const int64_t width : {1, 5, 64, 80})
        for (const int64_t n : {1, 7, 100}) {
            compare_dense_of<T>({2, width, n, n, 0, true});
            compare_dense_of<T>({2, width, n, n + 5, n, false});
            compare_dense_of<T>({2, width, n, n + 5, n + 5, true}); // no key gets a gradient
        }
}

// ---------------------------------------------------------------- tests

void test_kernels__norms_of_all_sets_agree(void **)
{
    compare_norms<float>();
    compare_norms<double>();
    compare_norms<bf16>();
}

void test_kernels__elements_of_all_sets_agree(void **)
{
    compare_elements<float>();
    compare_elements<double>();
    compare_elements<bf16>();
}

void test_kernels__attention_of_all_sets_agrees(void **)
{
    compare_attention<float>();
    compare_attention<double>();
    compare_attention<bf16>();
}

void test_kernels__dense_attention_of_all_sets_agrees(void **)
{
    compare_dense<float>();
    compare_dense<double>();
    compare_dense<bf16>();
}

template <class T> void compare_panels()
{
    for (const panel_sizes &z : PANEL_SIZES) {
        const panel_operands<T> v = panel_values<T>(z);
        const std::vector<T> want = panels(generic<T>(), z, v, 1, 100);
        for_each_set<T>([&](const kernels::table<T> &t) { expect_close("y", panels(t, z, v, 2, 1), want); });
    }
}

void test_kernels__products_with_panels_of_all_sets_agree(void **)
{
    compare_panels<float>();
    compare_panels<double>();
}

void test_kernels__the_best_set_is_one_of_them(void **)
{
    bool found = false;
    for (const isa set : {isa::generic, isa::avx2, isa::avx512})
        found = found || kernels::table_of<float>(set) == &kernels::best<float>();
    assert_true(found);
    assert_non_null(kernels::table_of<bf16>(isa::generic));
}

// A product of two bfloat16 is exact in float; the nearest bfloat16, halves to even, without bit operations.
float nearest(float x)
{
    int exponent = 0;
    const float mantissa = std::frexp(x, &exponent);
    return std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8);
}

void test_kernels__bfloat16_rounds_to_nearest_even_and_keeps_what_is_not_finite(void **)
{
    constexpr size_t N = 4096;
    for (const isa set : {isa::generic, isa::avx2, isa::avx512}) {
        const kernels::table<bf16> *t = kernels::table_of<bf16>(set);
        if (!t)
            continue;
        const std::vector<bf16> a = random_values<bf16>(N), b = random_values<bf16>(N);
        std::vector<bf16> product = a;
        t->multiply(product.data(), b.data(), 0, N);
        for (size_t i = 0; i < N; i++)
            assert_true(value(product[i]) == nearest(value(a[i]) * value(b[i])));
        const uint16_t ONE = 0x3f80, INF = 0x7f80, NAN_LOW = 0x7f81, LARGE = 0x7f7f;
        std::vector<bf16> special = {{INF}, {static_cast<uint16_t>(INF | 0x8000)}, {NAN_LOW}, {LARGE}};
        const std::vector<bf16> by = {{ONE}, {ONE}, {ONE}, {0x4000}};
        t->multiply(special.data(), by.data(), 0, 4);
        assert_int_equal(special[0].bits, INF);
        assert_int_equal(special[1].bits, INF | 0x8000);
        assert_true(std::isnan(value(special[2])));
        assert_int_equal(special[3].bits, INF); // twice the largest
        // rounding up would carry this NaN over the exponent into the sign
        constexpr int64_t W = 16;
        const uint32_t bits = 0x7fffffff;
        float nan;
        std::memcpy(&nan, &bits, sizeof nan);
        std::vector<float> x(W, nan);
        std::vector<bf16> y(W);
        t->residual_norm({x.data(), nullptr, y.data(), nullptr, {1, 1, 0}, W, 1e-5}, 0, 1);
        for (const bf16 one : y)
            assert_true(std::isnan(value(one)));
    }
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels__norms_of_all_sets_agree),
        cmocka_unit_test(test_kernels__elements_of_all_sets_agree),
        cmocka_unit_test(test_kernels__attention_of_all_sets_agrees),
        cmocka_unit_test(test_kernels__dense_attention_of_all_sets_agrees),
        cmocka_unit_test(test_kernels__products_with_panels_of_all_sets_agree),
        cmocka_unit_test(test_kernels__the_best_set_is_one_of_them),
        cmocka_unit_test(test_kernels__bfloat16_rounds_to_nearest_even_and_keeps_what_is_not_finite),
    };
    const int n_failed = cmocka_run_group_tests_name("kernels", tests, nullptr, nullptr);
    print_message("largest differences: fp32 %.1e, fp64 %.1e, bf16 %.1e\n", largest<float>(),
                  largest<double>(), largest<bf16>());
    return n_failed;
}
