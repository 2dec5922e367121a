// The machine that executes a pickle: bytes, stack, opcodes. pickle_calls.cpp has the results of calls.
#include "pickle.hpp"

#include <cstring>

namespace shim
{

namespace
{

// A good pickle contains each of its values at most a few times; more would be a small file made to explode.
constexpr uint64_t max_containments_per_byte = 4;
constexpr uint64_t free_containments = 1024;
constexpr size_t max_global = 512; // bytes of a class's or function's name

// Opcodes in binary (Python's pickletools); pickle_text.cpp has those of protocol 0, which are text.
enum opcode : unsigned char {
    MARK = '(',
    STOP = '.',
    POP = '0',
    POP_MARK = '1',
    DUP = '2',
    BINBYTES = 'B',
    SHORT_BINBYTES = 'C',
    BINFLOAT = 'G',
    BININT = 'J',
    BININT1 = 'K',
    BININT2 = 'M',
    NONE = 'N',
    BINPERSID = 'Q',
    REDUCE = 'R',
    BINSTRING = 'T',
    SHORT_BINSTRING = 'U',
    BINUNICODE = 'X',
    EMPTY_LIST = ']',
    APPEND = 'a',
    BUILD = 'b',
    GLOBAL = 'c',
    APPENDS = 'e',
    BINGET = 'h',
    LONG_BINGET = 'j',
    BINPUT = 'q',
    LONG_BINPUT = 'r',
    SETITEM = 's',
    TUPLE = 't',
    SETITEMS = 'u',
    EMPTY_DICT = '}',
    EMPTY_TUPLE = ')',
    PROTO = 0x80,
    NEWOBJ = 0x81,
    TUPLE1 = 0x85,
    TUPLE2 = 0x86,
    TUPLE3 = 0x87,
    NEWTRUE = 0x88,
    NEWFALSE = 0x89,
    LONG1 = 0x8a,
    LONG4 = 0x8b,
    SHORT_BINUNICODE = 0x8c,
    BINUNICODE8 = 0x8d,
    BINBYTES8 = 0x8e,
    EMPTY_SET = 0x8f,
    ADDITEMS = 0x90,
    FROZENSET = 0x91,
    NEWOBJ_EX = 0x92,
    STACK_GLOBAL = 0x93,
    MEMOIZE = 0x94,
    FRAME = 0x95,
    BYTEARRAY8 = 0x96,
};

} // namespace

// ---------------------------------------------------------------- bytes and stack

const unsigned char *pickle::take(uint64_t n)
{
    if (n > static_cast<uint64_t>(end_ - at_))
        throw damaged("its pickle ends early");
    const unsigned char *bytes = at_;
    at_ += n;
    return bytes;
}

uint64_t pickle::take_number(int n_bytes)
{
    const unsigned char *bytes = take(static_cast<uint64_t>(n_bytes));
    uint64_t number = 0;
    for (int i = n_bytes - 1; i >= 0; i--)
        number = number << 8 | bytes[i];
    return number;
}

std::string pickle::take_line()
{
    const void *newline = std::memchr(at_, '\n', static_cast<size_t>(end_ - at_));
    if (!newline)
        throw damaged("its pickle ends early");
    const auto n = static_cast<uint64_t>(static_cast<const unsigned char *>(newline) - at_);
    std::string line(reinterpret_cast<const char *>(take(n)), n);
    take(1);
    return line;
}

value *pickle::make(enum value::kind kind)
{
    value &v = values_.emplace_back();
    v.kind = kind;
    return &v;
}

value *pickle::push(enum value::kind kind)
{
    stack_.push_back(make(kind));
    return stack_.back();
}

value *pickle::top()
{
    if (stack_.empty() || stack_.back()->kind == value::kind::mark)
        throw damaged("its pickle takes a value that is not there");
    return stack_.back();
}

value *pickle::pop()
{
    value *v = top();
    stack_.pop_back();
    return v;
}

std::vector<value *> pickle::pop_to_mark()
{
    size_t n = 0;
    while (n < stack_.size() && stack_[stack_.size() - 1 - n]->kind != value::kind::mark)
        n++;
    if (n == stack_.size())
        throw damaged("its pickle takes a mark that does not exist");
    std::vector<value *> items(stack_.end() - static_cast<std::ptrdiff_t>(n), stack_.end());
    stack_.resize(stack_.size() - n - 1);
    return items;
}

// ---------------------------------------------------------------- values

void pickle::push_integer(int64_t number)
{
    push(value::kind::integer)->integer = number;
}

/** Two's complement, little-endian. A number that does not fit is not a size of a tensor: `other`. */
void pickle::push_long(uint64_t n_bytes)
{
    const unsigned char *bytes = take(n_bytes);
    if (n_bytes > 8) {
        push(value::kind::other);
        return;
    }
    uint64_t number = n_bytes > 0 && bytes[n_bytes - 1] & 0x80 ? ~uint64_t{0} : 0;
    for (uint64_t i = n_bytes; i > 0; i--)
        number = number << 8 | bytes[i - 1];
    push_integer(static_cast<int64_t>(number));
}

/** IEEE's bits, big-endian. */
void pickle::push_real()
{
    uint64_t bits = 0;
    const unsigned char *bytes = take(sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++)
        bits = bits << 8 | bytes[i];
    std::memcpy(&push(value::kind::real)->real, &bits, sizeof bits);
}

void pickle::push_text(uint64_t n_bytes)
{
    const unsigned char *bytes = take(n_bytes);
    push(value::kind::text)->text.assign(reinterpret_cast<const char *>(bytes), n_bytes);
}

void pickle::push_tuple(size_t n)
{
    value *tuple = make(value::kind::sequence);
    tuple->items.resize(n);
    for (size_t i = n; i > 0; i--)
        tuple->items[i - 1] = pop();
    stack_.push_back(tuple);
}

void pickle::memoize(uint64_t slot)
{
    if (slot > static_cast<uint64_t>(end_ - start_)) // Python counts them, and each takes at least one byte
        throw damaged("its pickle memorizes too many values");
    if (slot >= memo_.size())
        memo_.resize(slot + 1, nullptr);
    memo_[slot] = top();
}

void pickle::recall(uint64_t slot)
{
    if (slot >= memo_.size() || !memo_[slot])
        throw damaged("its pickle recalls a value that it never memorized");
    stack_.push_back(memo_[slot]);
}

void pickle::set_items(const std::vector<value *> &flat)
{
    value *dict = top();
    contain(flat.size());
    if (flat.size() % 2 != 0)
        throw damaged("its pickle has a key without a value");
    for (size_t i = 0; i < flat.size(); i += 2)
        dict->members.emplace_back(flat[i], flat[i + 1]);
}

void pickle::append(const std::vector<value *> &items)
{
    value *list = top();
    contain(items.size());
    list->items.insert(list->items.end(), items.begin(), items.end());
}

void pickle::contain(uint64_t n)
{
    n_contained_ += n;
    if (n_contained_ > free_containments + max_containments_per_byte * static_cast<uint64_t>(end_ - start_))
        throw damaged("its pickle repeats its values too often");
}

void pickle::push_object(const value &class_of)
{
    push(value::kind::object)->text = class_of.kind == value::kind::global ? class_of.text : "";
}

void pickle::push_global(const std::string &module, const std::string &name)
{
    if (module.size() + name.size() > max_global)
        throw damaged("its pickle has a name that is too long");
    push(value::kind::global)->text = module + " " + name;
}

// ---------------------------------------------------------------- the machine

/** Executes one opcode; false at the end. */
bool pickle::step()
{
    const unsigned char opcode = *take(1);
    switch (opcode) {
    case PROTO:
        take(1);
        break;
    case FRAME:
        take(8);
        break;
    case STOP:
        root_ = pop();
        return false;
    case MARK:
        push(value::kind::mark);
        break;
    case POP:
        if (stack_.empty())
            throw damaged("its pickle takes a value that is not there");
        stack_.pop_back();
        break;
    case POP_MARK:
        pop_to_mark();
        break;
    case DUP:
        stack_.push_back(top());
        break;
    case NONE:
        push(value::kind::other);
        break;
    case BINFLOAT:
        push_real();
        break;
    case NEWTRUE:
        push_integer(1);
        break;
    case NEWFALSE:
        push_integer(0);
        break;
    case BININT:
        push_integer(static_cast<int32_t>(take_number(4)));
        break;
    case BININT1:
        push_integer(static_cast<int64_t>(take_number(1)));
        break;
    case BININT2:
        push_integer(static_cast<int64_t>(take_number(2)));
        break;
    case LONG1:
        push_long(take_number(1));
        break;
    case LONG4:
        push_long(take_number(4));
        break;
    case BINUNICODE:
    case BINSTRING:
    case BINBYTES:
        push_text(take_number(4));
        break;
    case SHORT_BINUNICODE:
    case SHORT_BINSTRING:
    case SHORT_BINBYTES:
        push_text(take_number(1));
        break;
    case BINUNICODE8:
    case BINBYTES8:
    case BYTEARRAY8:
        push_text(take_number(8));
        break;
    case EMPTY_LIST:
    case EMPTY_TUPLE:
    case EMPTY_SET:
        push(value::kind::sequence);
        break;
    case EMPTY_DICT:
        push(value::kind::dict);
        break;
    case TUPLE1:
        push_tuple(1);
        break;
    case TUPLE2:
        push_tuple(2);
        break;
    case TUPLE3:
        push_tuple(3);
        break;
    case TUPLE:
    case FROZENSET: {
        std::vector<value *> items = pop_to_mark();
        push(value::kind::sequence)->items = std::move(items);
        break;
    }
    case APPEND: {
        value *item = pop();
        append({item});
        break;
    }
    case APPENDS:
    case ADDITEMS:
        append(pop_to_mark());
        break;
    case SETITEM: {
        value *item = pop();
        value *key = pop();
        set_items({key, item});
        break;
    }
    case SETITEMS:
        set_items(pop_to_mark());
        break;
    case BINPUT:
        memoize(take_number(1));
        break;
    case LONG_BINPUT:
        memoize(take_number(4));
        break;
    case MEMOIZE:
        memoize(memo_.size());
        break;
    case BINGET:
        recall(take_number(1));
        break;
    case LONG_BINGET:
        recall(take_number(4));
        break;
    case GLOBAL: {
        const std::string module = take_line();
        push_global(module, take_line());
        break;
    }
    case STACK_GLOBAL: {
        const value *name = pop();
        const value *module = pop();
        push_global(module->text, name->text);
        break;
    }
    case NEWOBJ_EX:
        pop(); // named arguments
        [[fallthrough]];
    case NEWOBJ:
        pop(); // arguments
        push_object(*pop());
        break;
    case REDUCE:
        reduce();
        break;
    case BUILD:
        build();
        break;
    case BINPERSID:
        load_persistent();
        break;
    default:
        step_text(opcode);
    }
    return true;
}

pickle::pickle(const char *bytes, size_t n, loader load)
    : start_(reinterpret_cast<const unsigned char *>(bytes)), at_(start_), end_(start_ + n),
      load_(std::move(load))
{
    while (step()) {
    }
}

} // namespace shim
