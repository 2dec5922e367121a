// Reads PyTorch's own archives, written by torch.save and torch.jit.save.
//
// Reads only data (see pickle.hpp); neither parses nor runs a TorchScript archive's code.
#include <caffe2/serialize/inline_container.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

#include "archive.hpp"

namespace
{

using shim::damaged;
using shim::walker;

enum class kind { zip, legacy, other };

/** The old format starts with the pickle of the number 0x1950a86a20f9469cfc6c: as bytes, in protocols 0 and 1
 * as text. */
bool is_legacy(const std::string &start)
{
    return start.find("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.") != std::string::npos ||
           start.rfind("L119547037146038801333356L\n.", 0) == 0;
}

/** Determines the kind of the file by its first bytes. */
int probe(kind *out, uint64_t *n_bytes, const char *path)
{
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    char bytes[32];
    file.read(bytes, sizeof bytes);
    const std::string start(bytes, static_cast<size_t>(file.gcount()));
    if (start.empty()) // folders open, but do not read
        return file.is_open() && errno == 0
                   ? error_set(ERR_FORMAT, "'%s' is empty", path)
                   : error_set(ERR_IO, "cannot read '%s': %s", path, std::strerror(errno ? errno : EIO));
    if (start.rfind("PK\x03\x04", 0) == 0)
        *out = kind::zip;
    else
        *out = is_legacy(start) ? kind::legacy : kind::other;
    file.clear();
    file.seekg(0, std::ios::end);
    *n_bytes = static_cast<uint64_t>(file.tellg());
    return OK;
}

/** A zip file's records. */
class archive
{
  public:
    archive(const char *path, uint64_t n_bytes) : zip_(std::string(path)), n_bytes_(n_bytes) {}

    bool has(const char *name) { return zip_.hasRecord(name); }

    std::string text(const char *name)
    {
        const auto [data, n] = get(name);
        return {static_cast<const char *>(data.get()), n};
    }

    /** The bytes of a record, shared by the tensors that view them. */
    at::Tensor bytes(const std::string &name)
    {
        at::Tensor &out = records_[name];
        if (out.defined())
            return out;
        auto [data, n] = get(name);
        const c10::Storage storage(c10::Storage::use_byte_size_t(), n, std::move(data));
        out = at::empty({0}, at::kByte).set_(storage, 0, {static_cast<int64_t>(n)}, {1});
        return out;
    }

  private:
    static constexpr uint64_t max_ratio = 1032; // of deflate
    caffe2::serialize::PyTorchStreamReader zip_;
    uint64_t n_bytes_;
    std::map<std::string, at::Tensor> records_;

    std::tuple<at::DataPtr, size_t> get(const std::string &name)
    {
        if (zip_.getRecordSize(name) / max_ratio > n_bytes_)
            throw damaged("a record declares more bytes than its data can have");
        return zip_.getRecord(name);
    }
};

int read_zip(const char *path, uint64_t n_bytes, walker w)
{
    archive zip(path, n_bytes);
    if (!zip.has("data.pkl"))
        throw damaged("it is a zip file, but not one of torch.save or torch.jit.save");
    w.facts().is_script = zip.has("constants.pkl");
    if (zip.has("byteorder") && zip.text("byteorder") != "little")
        throw damaged("its numbers are big-endian");
    const std::string bytes = zip.text("data.pkl");
    const shim::pickle pickled(bytes.data(), bytes.size(),
                               [&](const shim::value &storage) { return zip.bytes("data/" + storage.text); });
    return w.walk(pickled.root());
}

} // namespace

extern "C" int archive_read(scope *s, const char *path, struct archive_facts *facts,
                            const struct archive_visitor *visitor)
{
    *facts = archive_facts{};
    if (!s)
        return error_out_of_memory();
    if (s->status != OK)
        return s->status;
    return shim::guard("archive_read", [&] {
        kind found = kind::other;
        uint64_t n_bytes = 0;
        int status = probe(&found, &n_bytes, path);
        if (status != OK)
            return status;
        if (found == kind::other)
            return error_set(ERR_FORMAT, "'%s' was written neither by torch.save nor by torch.jit.save",
                             path);
        try {
            const walker w(s, facts, *visitor);
            status = found == kind::zip ? read_zip(path, n_bytes, w) : shim::read_legacy(path, w);
        } catch (const damaged &e) {
            return error_set(ERR_FORMAT, "'%s' cannot be read: %s", path, e.what());
        } catch (const c10::Error &e) {
            if (shim::is_out_of_memory(e))
                throw;
            return error_set(ERR_FORMAT, "'%s' cannot be read: %s", path, shim::archive_fault(e).c_str());
        }
        if (status == OK)
            status = scope_status(s);
        return status == OK ? status : error_context("reading '%s'", path);
    });
}
