// Which instruction set this processor runs.
#include "kernels.hpp"

#define DECLARE_TABLES(isa)                                                                                  \
    namespace kernels::isa                                                                                   \
    {                                                                                                        \
    extern const table<float> float_table;                                                                   \
    extern const table<double> double_table;                                                                 \
    extern const table<bf16> bf16_table;                                                                     \
    }

DECLARE_TABLES(generic)
#ifdef PROMPT_X86
DECLARE_TABLES(avx2)
DECLARE_TABLES(avx512)
#endif

namespace kernels
{

namespace
{

enum class isa { generic, avx2, avx512 };

isa detect()
{
#ifdef PROMPT_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return isa::avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return isa::avx2;
#endif
    return isa::generic;
}

template <class T>
const table<T> &choose(const table<T> &generic_table, const table<T> *avx2_table,
                       const table<T> *avx512_table)
{
    static const isa found = detect();
    switch (found) {
    case isa::avx512:
        return *avx512_table;
    case isa::avx2:
        return *avx2_table;
    case isa::generic:
        break;
    }
    return generic_table;
}

} // namespace

#ifdef PROMPT_X86
#define CHOOSE(name) choose(generic::name, &avx2::name, &avx512::name)
#else
#define CHOOSE(name) choose(generic::name, &generic::name, &generic::name)
#endif

template <> const table<float> &best<float>()
{
    return CHOOSE(float_table);
}
template <> const table<double> &best<double>()
{
    return CHOOSE(double_table);
}
template <> const table<bf16> &best<bf16>()
{
    return CHOOSE(bf16_table);
}

} // namespace kernels
