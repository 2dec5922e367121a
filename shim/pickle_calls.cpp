// The results of pickled calls and storages: tensors, dicts, objects, or `other`.
#include "pickle.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace shim
{

at::ScalarType storage_type(const std::string &name)
{
    static const std::pair<const char *, at::ScalarType> types[] = {
        {"FloatStorage", at::kFloat},
        {"DoubleStorage", at::kDouble},
        {"HalfStorage", at::kHalf},
        {"BFloat16Storage", at::kBFloat16},
        {"LongStorage", at::kLong},
        {"IntStorage", at::kInt},
        {"ShortStorage", at::kShort},
        {"CharStorage", at::kChar},
        {"ByteStorage", at::kByte},
        {"UntypedStorage", at::kByte},
        {"BoolStorage", at::kBool},
        {"ComplexFloatStorage", at::kComplexFloat},
        {"ComplexDoubleStorage", at::kComplexDouble},
    };
    for (const auto &[known, type] : types)
        if (name == known)
            return type;
    return at::ScalarType::Undefined;
}

namespace
{

constexpr size_t max_dims = 64; // libtorch's own limit

/** Whether `enum dtype` has this type of libtorch's. */
bool is_read(at::ScalarType type)
{
    static const at::ScalarType read[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                          at::kLong,  at::kInt,    at::kByte, at::kBool};
    return std::find(std::begin(read), std::end(read), type) != std::end(read);
}

/** Python's name of a type ("int16"); without one, a description by the storage's class. */
std::string type_name(const value &storage)
{
    static const std::pair<at::ScalarType, const char *> names[] = {
        {at::kShort, "int16"},
        {at::kChar, "int8"},
        {at::kComplexFloat, "complex64"},
        {at::kComplexDouble, "complex128"},
    };
    for (const auto &[type, name] : names)
        if (storage.dtype == type)
            return name;
    return "of the type " + storage.type.substr(0, max_dims);
}

std::vector<int64_t> integers(const value &sequence)
{
    if (sequence.kind != value::kind::sequence)
        throw damaged("a tensor's sizes are not a tuple");
    if (sequence.items.size() > max_dims)
        throw damaged("a tensor has too many axes");
    std::vector<int64_t> out;
    for (const value *item : sequence.items) {
        if (item->kind != value::kind::integer || item->integer < 0)
            throw damaged("a tensor's size is not a count");
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

/**
 * ("storage", type, record, device, number of elements), in the old format followed by None; or ("module",
 * class, source file, source), the class of a pickled module.
 */
void pickle::load_persistent()
{
    const value *id = pop();
    const bool is_module = id->kind == value::kind::sequence && id->items.size() == 4 &&
                           id->items[0]->text == "module" && id->items[1]->kind == value::kind::global;
    if (is_module)
        stack_.push_back(id->items[1]);
    else
        describe_storage(*id);
}

void pickle::describe_storage(const value &id)
{
    value *storage = push(value::kind::storage);
    const size_t n = id.items.size();
    if (id.kind != value::kind::sequence || (n != 5 && n != 6) || id.items[1]->kind != value::kind::global ||
        id.items[2]->kind != value::kind::text || id.items[4]->kind != value::kind::integer ||
        (n == 6 && id.items[5]->kind != value::kind::other))
        throw damaged("a storage is not described in torch's format");
    const std::string &type = id.items[1]->text; // "torch FloatStorage"
    storage->type = type.substr(type.find(' ') + 1);
    storage->dtype = storage_type(storage->type);
    storage->text = id.items[2]->text;
    storage->integer = id.items[4]->integer;
}

/** A tensor without values, and its kind: "is sparse". */
value *pickle::unmade_tensor(const std::string &what)
{
    value *out = make(value::kind::tensor);
    out->text = what;
    return out;
}

/** (storage, offset, sizes, strides, requires_grad, hooks, metadata or, in version 3, dtype) */
value *pickle::rebuild_tensor(const value &arguments, const std::string &dtype)
{
    const auto &items = arguments.items;
    if (items.size() < 4 || items[0]->kind != value::kind::storage ||
        items[1]->kind != value::kind::integer || items[1]->integer < 0)
        throw damaged("a tensor is not described in torch's format");
    if (!dtype.empty()) // version 3 is for types without their own storage class
        return unmade_tensor("is " + dtype.substr(dtype.find(' ') + 1, max_dims));
    const value &storage = *items[0];
    const std::vector<int64_t> sizes = integers(*items[2]);
    const std::vector<int64_t> strides = integers(*items[3]);
    const int64_t spanned = elements_spanned(items[1]->integer, sizes, strides);
    if (!is_read(storage.dtype))
        return unmade_tensor("is " + type_name(storage));
    if (items.size() > 6 && items[6]->kind == value::kind::dict && !items[6]->members.empty())
        return unmade_tensor("is a view that negates or conjugates");
    value *out = make(value::kind::tensor);
    const at::Tensor bytes = load_(storage);
    if (!bytes.defined())
        return out;
    if (spanned > bytes.numel() / static_cast<int64_t>(c10::elementSize(storage.dtype)))
        throw damaged("a tensor is larger than its data");
    out->tensor = at::empty({0}, storage.dtype).set_(bytes.storage(), items[1]->integer, sizes, strides);
    return out;
}

/** The kind of tensor that a call makes, if it is not a plain one; "" for other calls. */
static std::string kind_of_tensor(const std::string &function)
{
    const auto has = [&](const char *part) { return function.find(part) != std::string::npos; };
    if (has("multiarray _reconstruct") || has("numeric _frombuffer"))
        return "is a numpy array";
    if (!has("torch._utils _rebuild_") && !has("torch._tensor _rebuild_"))
        return "";
    if (has("_sparse"))
        return "is sparse";
    if (has("_qtensor"))
        return "is quantized";
    if (has("_meta_tensor"))
        return "is on the meta device, without values";
    return "is of an unknown kind (" + function.substr(function.find(' ') + 1) + ")";
}

value *pickle::call(const value &function, const value &arguments)
{
    if (function.kind != value::kind::global || arguments.kind != value::kind::sequence)
        return make(value::kind::other);
    const std::string &name = function.text;
    const auto &items = arguments.items;
    if (name == "collections OrderedDict" || name == "collections defaultdict")
        return make(value::kind::dict);
    if (name == "torch._utils _rebuild_tensor_v2" || name == "torch._utils _rebuild_tensor")
        return rebuild_tensor(arguments, "");
    if (name == "torch._utils _rebuild_tensor_v3" && items.size() > 6)
        return rebuild_tensor(arguments, items[6]->text);
    const bool is_wrapper = name == "torch._utils _rebuild_parameter" ||
                            name == "torch._utils _rebuild_parameter_with_state" ||
                            name == "torch.jit._pickle restore_type_tag";
    if (is_wrapper && !items.empty())
        return items[0];
    // A tensor with attributes: (function, type, arguments, attributes).
    if (name == "torch._tensor _rebuild_from_type_v2" && items.size() > 2 &&
        items[0]->text == "torch._utils _rebuild_tensor_v2" && items[1]->text == "torch Tensor")
        return rebuild_tensor(*items[2], "");
    if ((name == "copy_reg _reconstructor" || name == "copyreg _reconstructor") && !items.empty()) {
        value *object = make(value::kind::object);
        object->text = items[0]->text;
        return object;
    }
    const std::string kind = kind_of_tensor(name);
    return kind.empty() ? make(value::kind::other) : unmade_tensor(kind);
}

void pickle::reduce()
{
    const value *arguments = pop();
    const value *function = pop();
    stack_.push_back(call(*function, *arguments));
}

/** Sets attributes of the object on the stack. Ignores a dict's own attributes (a state dict's _metadata). */
void pickle::build()
{
    const value *state = pop();
    value *object = top();
    if (object->kind != value::kind::object || state->kind != value::kind::dict)
        return;
    contain(state->members.size());
    object->members.insert(object->members.end(), state->members.begin(), state->members.end());
}

} // namespace shim
