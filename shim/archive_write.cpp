// Writes a dict of tensors as torch.save does, by libtorch's own pickler and zip writer.
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <string>
#include <vector>

#include "shim.hpp"

namespace
{

using dict = c10::impl::GenericDict;

dict make_dict()
{
    return dict(c10::StringType::get(), c10::AnyType::get());
}

/** On the CPU, in a storage of its own: a view would write all that it is a view of. */
c10::IValue to_value(const archive_entry &entry)
{
    if (!entry.value)
        return entry.number;
    return shim::in(entry.value).detach().to(at::kCPU).clone(at::MemoryFormat::Contiguous);
}

dict nest(const archive_entry *entries, size_t n)
{
    dict outer = make_dict();
    dict inner = make_dict();
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].dict) {
            outer.insert(std::string(entries[i].name), to_value(entries[i]));
            continue;
        }
        if (!outer.contains(std::string(entries[i].dict))) {
            inner = make_dict();
            outer.insert(std::string(entries[i].dict), inner);
        }
        inner.insert(std::string(entries[i].name), to_value(entries[i]));
    }
    return outer;
}

} // namespace

extern "C" int archive_write(scope *s, const struct archive_entry *entries, size_t n,
                             int (*write)(void *context, const void *bytes, size_t n), void *context)
{
    if (!s)
        return error_out_of_memory();
    if (s->status != OK)
        return s->status;
    return shim::guard("archive_write", [&] {
        std::vector<char> pickled;
        // tags of dicts' types, the pickler's default, are not among what torch.load reads with weights_only
        torch::jit::Pickler pickler(
            [&](const char *bytes, size_t n_bytes) { pickled.insert(pickled.end(), bytes, bytes + n_bytes); },
            nullptr, nullptr, nullptr, nullptr, false);
        pickler.protocol();
        pickler.pushIValue(nest(entries, n));
        pickler.stop();
        int status = OK;
        caffe2::serialize::PyTorchStreamWriter zip([&](const void *bytes, size_t n_bytes) {
            if (status == OK)
                status = write(context, bytes, n_bytes);
            return n_bytes; // a failure is reported at the end: the writer's destructor must not throw
        });
        zip.writeRecord("data.pkl", pickled.data(), pickled.size());
        size_t i = 0;
        for (const at::Tensor &t : pickler.tensorData())
            zip.writeRecord("data/" + std::to_string(i++), t.storage().data(), t.storage().nbytes());
        zip.writeEndOfFile();
        return status;
    });
}
