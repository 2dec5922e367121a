// Reading of PyTorch's own zip archives: what torch.save and torch.jit.save write.
//
// Only data are read (see pickle.hpp). A TorchScript archive's code is neither parsed nor run.
#include <caffe2/serialize/inline_container.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

#include "pickle.hpp"
#include "shim.hpp"

namespace
{

using shim::damaged;
using shim::value;

constexpr int max_depth = 64;        // of nested modules; CLIP's are 6 deep
constexpr size_t max_values = 65536; // an object that is reached again and again ends here

enum class kind { zip, legacy, other };

/** What the file's first bytes say. */
int probe(kind *out, const char *path)
{
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    char start[14] = {};
    file.read(start, sizeof start);
    if (file.gcount() == 0) // folders open, but do not read
        return file.is_open() && errno == 0
                   ? error_set(ERR_FORMAT, "'%s' is empty", path)
                   : error_set(ERR_IO, "cannot read '%s': %s", path, std::strerror(errno ? errno : EIO));
    // The old format: a pickle, protocol 2, of the number 0x1950a86a20f9469cfc6c.
    static const char legacy[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    if (std::memcmp(start, "PK\x03\x04", 4) == 0)
        *out = kind::zip;
    else if (std::memcmp(start, legacy, sizeof start) == 0)
        *out = kind::legacy;
    else
        *out = kind::other;
    return OK;
}

/** Calls `visit` for the tensors below a value, with dotted names. */
struct walker {
    scope *s;
    int (*visit)(void *context, const char *name, tensor *t);
    void *context;
    size_t n_values = 0;

    int walk(const value &v, const std::string &name, int depth)
    {
        if (depth > max_depth || ++n_values > max_values)
            return error_set(ERR_FORMAT, "'%.200s' is nested too deep", name.c_str());
        if (v.kind == value::kind::tensor)
            return walk_tensor(v, name);
        int status = OK; // lists and single values hold no weights
        for (const auto &[key, member] : v.members)
            if (status == OK && (key->kind == value::kind::text || key->kind == value::kind::integer))
                status = walk(*member, join(name, *key), depth + 1);
        return status;
    }

    int walk_tensor(const value &v, const std::string &name) const
    {
        if (!v.tensor.defined())
            return error_set(ERR_FORMAT, "tensor '%.200s': %s", name.c_str(), v.text.c_str());
        return visit(context, name.c_str(), shim::put(s, v.tensor));
    }

    static std::string join(const std::string &prefix, const value &key)
    {
        const std::string name = key.kind == value::kind::text ? key.text : std::to_string(key.integer);
        return prefix.empty() ? name : prefix + "." + name;
    }
};

using reader = caffe2::serialize::PyTorchStreamReader;

std::string read_text(reader &zip, const char *name)
{
    const auto [data, n] = zip.getRecord(name);
    return {static_cast<const char *>(data.get()), n};
}

/** The bytes of a record, shared by the tensors that view them. */
at::Tensor read_bytes(reader &zip, const std::string &name)
{
    auto [data, n] = zip.getRecord(name);
    const c10::Storage storage(c10::Storage::use_byte_size_t(), n, std::move(data));
    return at::empty({0}, at::kByte).set_(storage, 0, {static_cast<int64_t>(n)}, {1});
}

int read_zip(const char *path, bool *is_script, walker w)
{
    try {
        reader zip{std::string(path)};
        if (!zip.hasRecord("data.pkl"))
            return error_set(ERR_FORMAT,
                             "'%s' is a zip file, but none that torch.save or torch.jit.save wrote", path);
        *is_script = zip.hasRecord("constants.pkl");
        if (zip.hasRecord("byteorder") && read_text(zip, "byteorder") != "little")
            throw damaged("its numbers are big-endian");
        std::map<std::string, at::Tensor> records;
        const auto load = [&](const std::string &name) {
            auto &bytes = records[name];
            if (!bytes.defined())
                bytes = read_bytes(zip, "data/" + name);
            return bytes;
        };
        const std::string bytes = read_text(zip, "data.pkl");
        const shim::pickle pickled(bytes.data(), bytes.size(), load);
        int status = w.walk(pickled.root(), "", 0);
        return status == OK ? scope_status(w.s) : error_context("reading '%s'", path);
    } catch (const damaged &e) {
        return error_set(ERR_FORMAT, "'%s' cannot be read: %s", path, e.what());
    } catch (const c10::OutOfMemoryError &) {
        return error_out_of_memory();
    } catch (const c10::Error &e) {
        const std::string what = e.what_without_backtrace();
        if (what.find("central directory") != std::string::npos)
            return error_set(ERR_FORMAT,
                             "'%s' is truncated: its list of contents, at the file's end, is missing", path);
        return error_set(ERR_FORMAT, "'%s' is damaged: %s", path, what.c_str());
    }
}

} // namespace

extern "C" int archive_read(scope *s, const char *path, bool *is_script,
                            int (*visit)(void *context, const char *name, tensor *t), void *context)
{
    *is_script = false;
    if (!s)
        return error_out_of_memory();
    if (s->status != OK)
        return s->status;
    return shim::guard("archive_read", [&] {
        kind found = kind::other;
        int status = probe(&found, path);
        if (status != OK)
            return status;
        switch (found) {
        case kind::zip:
            return read_zip(path, is_script, walker{s, visit, context});
        case kind::legacy:
            return error_set(
                ERR_FORMAT,
                "'%s' is in torch.save's old format; torch.save(torch.load(PATH, map_location='cpu'), "
                "PATH) in Python writes it anew in the one that is read",
                path);
        case kind::other:
            break;
        }
        return error_set(ERR_FORMAT, "'%s' was written neither by torch.save nor by torch.jit.save", path);
    });
}
