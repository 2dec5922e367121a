// What pickled calls and storages become: tensors, dicts, objects, or nothing of interest.
#include "pickle.hpp"

#include <limits>

namespace shim
{

namespace
{

at::ScalarType storage_type(const std::string &global)
{
    static const std::pair<const char *, at::ScalarType> types[] = {
        {"torch FloatStorage", at::kFloat}, {"torch DoubleStorage", at::kDouble},
        {"torch HalfStorage", at::kHalf},   {"torch BFloat16Storage", at::kBFloat16},
        {"torch LongStorage", at::kLong},   {"torch IntStorage", at::kInt},
        {"torch ByteStorage", at::kByte},   {"torch BoolStorage", at::kBool},
    };
    for (const auto &[name, type] : types)
        if (global == name)
            return type;
    return at::ScalarType::Undefined;
}

std::vector<int64_t> integers(const value &sequence)
{
    if (sequence.kind != value::kind::sequence)
        throw damaged("a tensor's sizes are no tuple");
    std::vector<int64_t> out;
    for (const value *item : sequence.items) {
        if (item->kind != value::kind::integer || item->integer < 0)
            throw damaged("a tensor's size is no count");
        out.push_back(item->integer);
    }
    return out;
}

/** The number of elements that a view needs in its storage. */
int64_t elements_spanned(int64_t offset, const std::vector<int64_t> &sizes,
                         const std::vector<int64_t> &strides)
{
    if (sizes.size() != strides.size())
        throw damaged("a tensor's sizes and strides differ in number");
    int64_t last = offset;
    int64_t numel = 1;
    bool is_empty = false;
    for (size_t i = 0; i < sizes.size(); i++) {
        int64_t step = 0;
        is_empty = is_empty || sizes[i] == 0;
        if (__builtin_mul_overflow(numel, sizes[i] ? sizes[i] : 1, &numel) ||
            __builtin_mul_overflow(sizes[i] ? sizes[i] - 1 : 0, strides[i], &step) ||
            __builtin_add_overflow(last, step, &last) || last == std::numeric_limits<int64_t>::max())
            throw damaged("a tensor's size is out of range");
    }
    return is_empty ? 0 : last + 1;
}

} // namespace

/** ("storage", type, record, device, number of elements) */
void pickle::load_persistent()
{
    const value *id = pop();
    value *storage = push(value::kind::storage);
    if (id->kind != value::kind::sequence || id->items.size() != 5 ||
        id->items[1]->kind != value::kind::global || id->items[2]->kind != value::kind::text ||
        id->items[4]->kind != value::kind::integer)
        throw damaged("a storage is not described as torch does");
    storage->dtype = storage_type(id->items[1]->text);
    storage->text = id->items[2]->text;
    storage->integer = id->items[4]->integer;
}

/** (storage, offset, sizes, strides, ...) */
value *pickle::rebuild_tensor(const value &arguments)
{
    const auto &items = arguments.items;
    if (items.size() < 4 || items[0]->kind != value::kind::storage ||
        items[1]->kind != value::kind::integer || items[1]->integer < 0)
        throw damaged("a tensor is not described as torch does");
    value *out = make(value::kind::tensor);
    const value &storage = *items[0];
    const std::vector<int64_t> sizes = integers(*items[2]);
    const std::vector<int64_t> strides = integers(*items[3]);
    const int64_t spanned = elements_spanned(items[1]->integer, sizes, strides);
    if (storage.dtype == at::ScalarType::Undefined) {
        out->text = "its type is not supported";
        return out;
    }
    const at::Tensor bytes = load_(storage.text);
    if (spanned > bytes.numel() / static_cast<int64_t>(c10::elementSize(storage.dtype)))
        throw damaged("a tensor is larger than its data");
    out->tensor = at::empty({0}, storage.dtype).set_(bytes.storage(), items[1]->integer, sizes, strides);
    return out;
}

value *pickle::call(const value &function, const value &arguments)
{
    if (function.kind != value::kind::global || arguments.kind != value::kind::sequence)
        return make(value::kind::other);
    const std::string &name = function.text;
    if (name == "collections OrderedDict")
        return make(value::kind::dict);
    if (name == "torch._utils _rebuild_tensor_v2" || name == "torch._utils _rebuild_tensor")
        return rebuild_tensor(arguments);
    const bool is_wrapper = name == "torch._utils _rebuild_parameter" ||
                            name == "torch._utils _rebuild_parameter_with_state" ||
                            name == "torch.jit._pickle restore_type_tag";
    if (is_wrapper && !arguments.items.empty())
        return arguments.items[0];
    return make(value::kind::other);
}

void pickle::reduce()
{
    const value *arguments = pop();
    const value *function = pop();
    stack_.push_back(call(*function, *arguments));
}

/** Attributes for the object on the stack. A dict's own attributes (a state dict's _metadata) are no content.
 */
void pickle::build()
{
    const value *state = pop();
    value *object = top();
    if (object->kind == value::kind::object && state->kind == value::kind::dict)
        object->members.insert(object->members.end(), state->members.begin(), state->members.end());
}

} // namespace shim
