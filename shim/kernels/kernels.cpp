// Selects the instruction set of this processor.
#include "kernels.hpp"

#include <initializer_list>

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

bool runs(isa set)
{
    switch (set) {
    case isa::generic:
        return true;
#ifdef PROMPT_X86
    case isa::avx2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case isa::avx512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
    case isa::avx2:
    case isa::avx512:
        break;
#endif
    }
    return false;
}

template <class T> const table<T> &choose()
{
    for (const isa set : {isa::avx512, isa::avx2})
        if (const table<T> *found = table_of<T>(set))
            return *found;
    return *table_of<T>(isa::generic);
}

} // namespace

#ifdef PROMPT_X86
#define TABLE_OF(set, name)                                                                                  \
    (!runs(set)             ? nullptr                                                                        \
     : (set) == isa::avx512 ? &avx512::name                                                                  \
     : (set) == isa::avx2   ? &avx2::name                                                                    \
                            : &generic::name)
#else
#define TABLE_OF(set, name) (runs(set) ? &generic::name : nullptr)
#endif

template <> const table<float> *table_of<float>(isa set)
{
    return TABLE_OF(set, float_table);
}
template <> const table<double> *table_of<double>(isa set)
{
    return TABLE_OF(set, double_table);
}
template <> const table<bf16> *table_of<bf16>(isa set)
{
    return TABLE_OF(set, bf16_table);
}

template <> const table<float> &best<float>()
{
    static const table<float> &found = choose<float>();
    return found;
}
template <> const table<double> &best<double>()
{
    static const table<double> &found = choose<double>();
    return found;
}
template <> const table<bf16> &best<bf16>()
{
    static const table<bf16> &found = choose<bf16>();
    return found;
}

const char *best_name()
{
    return runs(isa::avx512) ? "avx512" : runs(isa::avx2) ? "avx2" : "generic";
}

} // namespace kernels
