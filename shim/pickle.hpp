// The part of Python's pickle that torch.save and torch.jit.save write, read as data.
//
// Nothing is called and nothing imported: a pickled call becomes its result for the few functions that make
// tensors and dicts, and `other` for the rest. libtorch's own unpickler is not used because it stops at what
// every Python state dict carries, an attribute of an OrderedDict.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace shim
{

/** What a file says cannot be; the text says what. */
struct damaged : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/** One unpickled value. Values refer to each other by pointer and are owned by their `pickle`: cycles are
 * harmless. */
struct value {
    enum class kind {
        other, // None, floats, classes, results of unknown calls
        integer,
        text,
        sequence, // list, tuple, set
        dict,
        object, // an instance: like a dict of its attributes
        global, // a class or function: "module name"
        storage,
        tensor,
        mark
    };
    kind kind = kind::other;
    int64_t integer = 0; // of a storage: its number of elements
    std::string text;    // of a storage: its record's name; of a tensor: why it cannot be made, or ""
    std::vector<value *> items;
    std::vector<std::pair<value *, value *>> members; // of a dict or object
    at::ScalarType dtype = at::ScalarType::Undefined; // of a storage
    at::Tensor tensor;
};

/** A parsed pickle. */
class pickle
{
  public:
    /** `load` gives the bytes of a storage as a uint8 tensor, by its record's name. */
    using loader = std::function<at::Tensor(const std::string &name)>;

    /** Throws `damaged`. */
    pickle(const char *bytes, size_t n, loader load);
    const value &root() const { return *root_; }

  private:
    const unsigned char *at_;
    const unsigned char *end_;
    loader load_;
    std::deque<value> values_;
    std::vector<value *> stack_;
    std::vector<value *> memo_;
    value *root_ = nullptr;

    const unsigned char *take(uint64_t n);
    uint64_t take_number(int n_bytes);
    std::string take_line();
    value *make(enum value::kind kind);
    value *push(enum value::kind kind);
    value *pop();
    value *top();
    std::vector<value *> pop_to_mark();
    void push_integer(int64_t number);
    void push_long(uint64_t n_bytes);
    void push_text(uint64_t n_bytes);
    void push_tuple(size_t n);
    void memoize(uint64_t slot);
    void recall(uint64_t slot);
    void set_items(const std::vector<value *> &flat);
    void append(const std::vector<value *> &items);
    void reduce();
    void build();
    void load_persistent();
    value *call(const value &function, const value &arguments);
    value *rebuild_tensor(const value &arguments);
    bool step();
};

} // namespace shim
