// The format of torch.save before torch 1.6: the pickles of a magic number, a version, the system, the object
// and the storages' names, then each storage's number of elements and bytes.
#include "archive.hpp"

#include <cstring>
#include <map>
#include <memory>

extern "C" {
#include "prompt/base/file.h"
}

namespace shim
{

namespace
{

/** A mapped file. */
class mapping
{
  public:
    mapping() = default;
    ~mapping() { file_unmap(data_, n_); }
    mapping(const mapping &) = delete;
    mapping &operator=(const mapping &) = delete;
    int open(const char *path) { return file_map(&data_, &n_, path); }
    const char *begin() const { return static_cast<const char *>(data_); }
    size_t size() const { return n_; }

  private:
    const void *data_ = nullptr;
    size_t n_ = 0;
};

bool says_big_endian(const value &system)
{
    for (const auto &[key, member] : system.members)
        if (key->text == "little_endian" && member->kind == value::kind::integer && member->integer == 0)
            return true;
    return false;
}

/** Copies the storages out of the file, where they are not aligned. */
class storages
{
  public:
    storages(const char *at, const char *end) : at_(at), end_(end) {}

    void read(const std::string &name, at::ScalarType type)
    {
        uint64_t numel = 0;
        std::memcpy(&numel, take(sizeof numel), sizeof numel);
        const size_t size = c10::elementSize(type);
        if (numel > static_cast<uint64_t>(end_ - at_) / size)
            throw damaged("it ends inside a tensor's data");
        const size_t n_bytes = static_cast<size_t>(numel) * size;
        at::Tensor bytes = at::empty({static_cast<int64_t>(n_bytes)}, at::kByte);
        std::memcpy(bytes.data_ptr(), take(n_bytes), n_bytes);
        records_[name] = bytes;
    }

    at::Tensor find(const std::string &name) const
    {
        const auto found = records_.find(name);
        if (found == records_.end())
            throw damaged("a tensor's data are missing");
        return found->second;
    }

  private:
    const char *at_;
    const char *end_;
    std::map<std::string, at::Tensor> records_;

    const char *take(size_t n)
    {
        if (n > static_cast<size_t>(end_ - at_))
            throw damaged("it ends inside a tensor's data");
        const char *bytes = at_;
        at_ += n;
        return bytes;
    }
};

} // namespace

int read_legacy(const char *path, walker w)
{
    mapping file;
    const int status = file.open(path);
    if (status != OK)
        return status;
    const auto no_data = [](const value &) { return at::Tensor(); };
    const char *at = file.begin();
    const char *const end = at + file.size();
    const auto pass = [&] { // skips one pickle
        pickle p(at, static_cast<size_t>(end - at), no_data);
        at += p.n_read();
        return p;
    };
    pass(); // the magic number
    pass(); // the version
    if (says_big_endian(pass().root()))
        throw damaged("its numbers are big-endian");

    // The data follow the object that names them: read its pickle for the storages' types, then again.
    const char *const object = at;
    std::map<std::string, at::ScalarType> types;
    pickle first(at, static_cast<size_t>(end - at), [&](const value &storage) {
        types[storage.text] = storage.dtype;
        return at::Tensor();
    });
    at += first.n_read();
    const pickle names = pass();
    storages data(at, end);
    for (const value *name : names.root().items) {
        const auto type = types.find(name->text);
        if (type == types.end() || type->second == at::ScalarType::Undefined)
            throw damaged("a tensor's type is not supported in the old format of torch.save");
        data.read(name->text, type->second);
    }
    const pickle pickled(object, static_cast<size_t>(end - object),
                         [&](const value &storage) { return data.find(storage.text); });
    return w.walk(pickled.root());
}

} // namespace shim
