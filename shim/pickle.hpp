// Reads the part of Python's pickle that torch.save and torch.jit.save write, as data.
//
// Calls and imports nothing: a pickled call becomes its result for the few functions that make tensors and
// dicts, and `other` for the rest. libtorch's own unpickler fails at an attribute of an OrderedDict, which
// every Python state dict has.
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

/** The file is damaged; the text says how. */
struct damaged : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/** One unpickled value. Values are owned by their `pickle` and refer to each other by borrowed pointers:
 * cycles are harmless. */
struct value {
    enum class kind {
        other, // None, classes, results of unknown calls
        integer,
        real,
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
    double real = 0.0;
    std::string text; // of an object: its class; of a storage: its record's name; of a tensor: what it is, if
                      // it cannot be made ("is sparse"), else ""
    std::vector<value *> items;
    std::vector<std::pair<value *, value *>> members; // of a dict or object
    at::ScalarType dtype = at::ScalarType::Undefined; // of a storage
    std::string type;                                 // of a storage: its class, "FloatStorage"
    at::Tensor tensor;
};

/** The element type of a storage's class ("FloatStorage"), Undefined for an unknown one. */
at::ScalarType storage_type(const std::string &name);

/** A parsed pickle of protocol 0 to 5. Work and memory are bounded by a multiple of its number of bytes. */
class pickle
{
  public:
    /** Returns the bytes of a storage as a uint8 tensor; if undefined, its tensors stay without values. */
    using loader = std::function<at::Tensor(const value &storage)>;

    /** Throws `damaged`. */
    pickle(const char *bytes, size_t n, loader load);
    const value &root() const { return *root_; }
    /** Bytes up to the end of the pickle, after which a file may continue. */
    size_t n_read() const { return static_cast<size_t>(at_ - start_); }

  private:
    const unsigned char *start_;
    const unsigned char *at_;
    const unsigned char *end_;
    loader load_;
    std::deque<value> values_;
    std::vector<value *> stack_;
    std::vector<value *> memo_;
    value *root_ = nullptr;
    uint64_t n_contained_ = 0; // elements of all lists, dicts and objects

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
    void push_real();
    void push_text(uint64_t n_bytes);
    void push_tuple(size_t n);
    void memoize(uint64_t slot);
    void recall(uint64_t slot);
    void set_items(const std::vector<value *> &flat);
    void append(const std::vector<value *> &items);
    void contain(uint64_t n);
    void push_object(const value &class_of);
    void push_global(const std::string &module, const std::string &name);
    void reduce();
    void build();
    void load_persistent();
    void describe_storage(const value &id);
    value *call(const value &function, const value &arguments);
    value *rebuild_tensor(const value &arguments, const std::string &dtype);
    value *unmade_tensor(const std::string &what);
    void step_text(unsigned char opcode);
    void load_persistent_text(const std::string &id);
    bool step();
};

} // namespace shim
