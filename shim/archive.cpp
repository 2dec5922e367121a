// Reading of PyTorch's own zip archives: what torch.save and torch.jit.save write.
//
// Only data are read: the pickle goes through libtorch's restricted unpickler, and a TorchScript archive's
// modules become bare objects with attributes. Its code is neither parsed nor run, not even a module's
// __setstate__.
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/serialization/import_read.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "shim.hpp"

namespace
{

using c10::IValue;

constexpr int max_depth = 64;        // of nested modules; CLIP's are 6 deep
constexpr size_t max_values = 65536; // an object that is reached again and again ends here

enum class kind { zip, legacy, other };

/** What the file's first bytes say. Throws nothing; `errno` tells why a file cannot be read. */
int probe(kind *out, const char *path)
{
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    char start[14] = {};
    file.read(start, sizeof start);
    if (file.gcount() == 0) // folders open, but do not read
        return file.eof()
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

/** The root of the archive's data, every class of it an object with the attributes that its state names. */
IValue read_data(caffe2::serialize::PyTorchStreamReader &reader)
{
    auto unit = std::make_shared<torch::jit::CompilationUnit>();
    auto resolve = [unit](const c10::QualifiedName &name) {
        if (!unit->get_class(name))
            unit->register_type(c10::ClassType::create(name, unit, /*is_module=*/true));
        return c10::StrongTypePtr(unit, unit->get_class(name));
    };
    auto load = [](const c10::StrongTypePtr &type, const IValue &state) {
        auto object = c10::ivalue::Object::create(type, 0);
        if (!state.isGenericDict())
            return object; // a class of its own making; if it held weights, they will be missed by name
        auto cls = type.type_->expect<c10::ClassType>();
        for (const auto &item : state.toGenericDict()) {
            size_t slot = cls->addOrCheckAttribute(item.key().toStringRef(), c10::AnyType::get());
            object->setSlot(slot, item.value());
        }
        return object;
    };
    return torch::jit::readArchiveAndTensors("data", "", "", resolve, load, at::Device(at::kCPU), reader);
}

/** Walks the nested values and calls `visit` for the tensors. */
struct walker {
    scope *s;
    int (*visit)(void *context, const char *name, tensor *t);
    void *context;
    size_t n_values = 0;

    int walk(const IValue &value, const std::string &name, int depth)
    {
        if (depth > max_depth || ++n_values > max_values)
            return error_set(ERR_FORMAT, "'%.200s' is nested too deep", name.c_str());
        if (value.isTensor())
            return value.toTensor().defined() ? walk_tensor(value.toTensor(), name) : static_cast<int>(OK);
        if (value.isGenericDict())
            return walk_dict(value.toGenericDict(), name, depth);
        if (value.isObject())
            return walk_object(value.toObjectRef(), name, depth);
        return OK; // numbers, strings, lists: no weights
    }

    int walk_tensor(const at::Tensor &t, const std::string &name)
    {
        if (t.layout() != at::kStrided || t.is_quantized())
            return error_set(ERR_FORMAT, "tensor '%.200s' is sparse or quantized", name.c_str());
        try {
            shim::from_torch(t.scalar_type());
        } catch (const std::exception &) {
            return error_set(ERR_FORMAT, "tensor '%.200s' has the unsupported type %s", name.c_str(),
                             c10::toString(t.scalar_type()));
        }
        return visit(context, name.c_str(), shim::put(s, t.detach()));
    }

    int walk_dict(const c10::impl::GenericDict &dict, const std::string &name, int depth)
    {
        int status = OK;
        for (const auto &item : dict) {
            const IValue &key = item.key();
            if (status == OK && (key.isString() || key.isInt()))
                status = walk(item.value(),
                              join(name, key.isString() ? key.toStringRef() : std::to_string(key.toInt())),
                              depth + 1);
        }
        return status;
    }

    int walk_object(const c10::ivalue::Object &object, const std::string &name, int depth)
    {
        const auto type = object.type();
        int status = OK;
        for (size_t i = 0; i < type->numAttributes() && i < object.slots().size() && status == OK; i++)
            status = walk(object.slots()[i], join(name, type->getAttributeName(i)), depth + 1);
        return status;
    }

    static std::string join(const std::string &prefix, const std::string &name)
    {
        return prefix.empty() ? name : prefix + "." + name;
    }
};

int read_zip(scope *s, const char *path, bool *is_script, walker w)
{
    IValue root;
    try {
        caffe2::serialize::PyTorchStreamReader reader{std::string(path)};
        if (!reader.hasRecord("data.pkl"))
            return error_set(ERR_FORMAT,
                             "'%s' is a zip file, but none that torch.save or torch.jit.save wrote", path);
        *is_script = reader.hasRecord("constants.pkl");
        root = read_data(reader);
    } catch (const c10::OutOfMemoryError &) {
        return error_out_of_memory();
    } catch (const c10::Error &e) {
        const std::string what = e.what_without_backtrace();
        if (what.find("central directory") != std::string::npos)
            return error_set(ERR_FORMAT,
                             "'%s' is truncated: its list of contents, at the file's end, is missing", path);
        return error_set(ERR_FORMAT,
                         "'%s' is damaged, or holds more than tensors, numbers, texts, lists and dicts: %s",
                         path, what.c_str());
    }
    int status = w.walk(root, "", 0);
    if (status != OK)
        return error_context("reading '%s'", path);
    return scope_status(s);
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
            return read_zip(s, path, is_script, walker{s, visit, context});
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
