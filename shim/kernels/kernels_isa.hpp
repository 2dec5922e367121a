// The tables of one instruction set; included by kernels_*.cpp behind the kernels.
namespace kernels::KERNELS_ISA
{

extern const table<float> float_table;
extern const table<double> double_table;
extern const table<bf16> bf16_table;
const table<float> float_table = make_table<float>();
const table<double> double_table = make_table<double>();
const table<bf16> bf16_table = make_table<bf16>();

} // namespace kernels::KERNELS_ISA
