// Values of the kernels' types for their tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/kernels.hpp"

using kernels::bf16;

inline float value(float x)
{
    return x;
}
inline double value(double x)
{
    return x;
}
inline float value(bf16 x)
{
    const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
    float out;
    std::memcpy(&out, &bits, sizeof out);
    return out;
}

template <class T> T rounded(double x)
{
    return static_cast<T>(x);
}
template <> inline bf16 rounded<bf16>(double x)
{
    const float y = static_cast<float>(x);
    uint32_t bits;
    std::memcpy(&bits, &y, sizeof bits);
    return {static_cast<uint16_t>(bits >> 16)}; // any bfloat16 near x is good enough
}

inline std::mt19937 generator(1);

template <class T> std::vector<T> random_values(size_t n, double size = 1.0)
{
    std::normal_distribution<double> normal(0.0, size);
    std::vector<T> out(n);
    for (T &x : out)
        x = rounded<T>(normal(generator));
    return out;
}
