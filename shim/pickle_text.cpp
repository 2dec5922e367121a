// The opcodes of pickle's protocol 0, which are lines of text; protocol 1 still uses some of them.
#include "pickle.hpp"

#include <charconv>
#include <cstdlib>

namespace shim
{

namespace
{

enum opcode : unsigned char {
    FLOAT = 'F',
    INT = 'I',
    LONG = 'L',
    PERSID = 'P',
    STRING = 'S',
    UNICODE = 'V',
    DICT = 'd',
    GET = 'g',
    INST = 'i',
    LIST = 'l',
    OBJ = 'o',
    PUT = 'p',
};

/** False if the text is not a whole number of 64 bits. */
bool parse(int64_t *out, const std::string &text)
{
    const char *end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, *out);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

uint64_t parse_slot(const std::string &text)
{
    int64_t slot = 0;
    if (!parse(&slot, text) || slot < 0)
        throw damaged("its pickle has an invalid number");
    return static_cast<uint64_t>(slot);
}

/** The text between the next `open` and `close` from `*at` on; moves `*at` after them. */
std::string between(const std::string &text, size_t *at, char open, char close)
{
    const size_t start = text.find(open, *at);
    const size_t end = start == std::string::npos ? start : text.find(close, start + 1);
    if (end == std::string::npos)
        throw damaged("a storage is not described as torch does");
    *at = end + 1;
    return text.substr(start + 1, end - start - 1);
}

} // namespace

/** Protocol 0 has the tuple as text: ('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 4). */
void pickle::load_persistent_text(const std::string &id)
{
    size_t at = 0;
    value *storage = push(value::kind::storage);
    int64_t numel = 0;
    const bool is_storage = between(id, &at, '\'', '\'') == "storage";
    storage->type = between(id, &at, '\'', '\'');
    storage->type.erase(0, storage->type.rfind('.') + 1);
    storage->dtype = storage_type(storage->type);
    storage->text = between(id, &at, '\'', '\'');
    between(id, &at, '\'', '\''); // the device
    const std::string number = between(id, &at, ' ', ')');
    if (!is_storage || !parse(&numel, number.substr(0, number.find(','))))
        throw damaged("a storage is not described as torch does");
    storage->integer = numel;
}

void pickle::step_text(unsigned char opcode)
{
    switch (opcode) {
    case INT:
    case LONG: {
        std::string line = take_line();
        if (!line.empty() && line.back() == 'L')
            line.pop_back();
        int64_t number = 0;
        if (parse(&number, line)) // "00" and "01" are False and True
            push_integer(number);
        else
            push(value::kind::other);
        break;
    }
    case FLOAT:
        push(value::kind::real)->real = std::strtod(take_line().c_str(), nullptr);
        break;
    case STRING: {
        const std::string line = take_line(); // in quotes
        push(value::kind::text)->text = line.size() < 2 ? "" : line.substr(1, line.size() - 2);
        break;
    }
    case UNICODE: {
        const std::string line = take_line();
        push(value::kind::text)->text = line;
        break;
    }
    case DICT:
    case LIST: {
        const std::vector<value *> items = pop_to_mark();
        push(opcode == DICT ? value::kind::dict : value::kind::sequence);
        if (opcode == DICT)
            set_items(items);
        else
            append(items);
        break;
    }
    case PUT:
        memoize(parse_slot(take_line()));
        break;
    case GET:
        recall(parse_slot(take_line()));
        break;
    case INST: {
        const std::string module = take_line();
        push_global(module, take_line());
        const value *class_of = pop();
        pop_to_mark();
        push_object(*class_of);
        break;
    }
    case OBJ: {
        const std::vector<value *> items = pop_to_mark();
        if (items.empty())
            throw damaged("its pickle takes a value that is not there");
        push_object(*items[0]);
        break;
    }
    case PERSID:
        load_persistent_text(take_line());
        break;
    default:
        throw damaged("its pickle uses an opcode that torch does not write");
    }
}

} // namespace shim
