// The kernels and tables of one instruction set; included by kernels_*.cpp. The tables are constants: code
// that initialized them before main would run on processors without the instructions.
#include "dense.inc.hpp"
#include "kernels.inc.hpp"
#include "panels.inc.hpp"
#include "tree.inc.hpp"

namespace kernels::KERNELS_ISA
{

template <class T> constexpr table<T> make_table()
{
    return {residual_norm<T>,
            norm_backward<T>,
            silu<T>,
            multiply<T>,
            tree_forward<T>,
            tree_backward<T>,
            dense_scratch<T>,
            dense_forward<T>,
            dense_backward<T>,
            panel_product<typename accumulator<T>::type, bf16>,
            panel_product<typename accumulator<T>::type, typename accumulator<T>::type>};
}

extern const table<float> float_table;
extern const table<double> double_table;
extern const table<bf16> bf16_table;
constinit const table<float> float_table = make_table<float>();
constinit const table<double> double_table = make_table<double>();
constinit const table<bf16> bf16_table = make_table<bf16>();

} // namespace kernels::KERNELS_ISA
