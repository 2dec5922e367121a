// Tensors from and to host memory, and their properties.
#include "shim.hpp"

#include <ATen/core/grad_mode.h>

#include <atomic>
#include <cstring>

using shim::in;
using shim::run;

namespace
{

std::atomic<uint64_t> n_reads{0};
std::atomic<uint64_t> n_uploads{0};

} // namespace

namespace shim
{

at::ScalarType to_torch(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_F32:
        return at::kFloat;
    case DTYPE_F64:
        return at::kDouble;
    case DTYPE_F16:
        return at::kHalf;
    case DTYPE_BF16:
        return at::kBFloat16;
    case DTYPE_I64:
        return at::kLong;
    case DTYPE_I32:
        return at::kInt;
    case DTYPE_U8:
        return at::kByte;
    case DTYPE_BOOL:
        return at::kBool;
    }
    throw std::invalid_argument("unknown dtype");
}

enum dtype from_torch(at::ScalarType type)
{
    for (int i = DTYPE_F32; i <= DTYPE_BOOL; i++)
        if (to_torch(static_cast<enum dtype>(i)) == type)
            return static_cast<enum dtype>(i);
    throw std::invalid_argument(std::string("unsupported element type ") + c10::toString(type));
}

at::Device to_torch(struct device device)
{
    if (device.kind == DEVICE_CPU)
        return at::Device(at::kCPU);
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device.index));
}

at::TensorOptions options(enum dtype dtype, struct device device)
{
    return at::TensorOptions().dtype(to_torch(dtype)).device(to_torch(device));
}

void count_upload() noexcept
{
    n_uploads.fetch_add(1, std::memory_order_relaxed);
}

} // namespace shim

namespace
{

/** A view of borrowed host memory, from where its values go to a device. */
at::Tensor from_host(const void *data, at::IntArrayRef dims, at::ScalarType type)
{
    shim::count_upload();
    return at::from_blob(const_cast<void *>(data), dims, type);
}

void check_count(const at::Tensor &t, size_t n)
{
    if (static_cast<size_t>(t.numel()) != n)
        throw std::invalid_argument("expected " + std::to_string(n) + " values, found " +
                                    std::to_string(t.numel()));
}

template <class T>
int read(T *out, size_t n, scope *s, const tensor *t, at::ScalarType type, const char *name) noexcept
{
    return shim::run_status(s, name, [&] {
        n_reads.fetch_add(1, std::memory_order_relaxed);
        at::Tensor host = in(t).detach().to(at::kCPU, type).contiguous();
        check_count(host, n);
        if (n > 0)
            std::memcpy(out, host.const_data_ptr(), n * sizeof(T));
    });
}

template <class T>
void write(scope *s, tensor *t, const T *values, size_t n, at::ScalarType type, const char *name) noexcept
{
    (void)shim::run_status(s, name, [&] {
        at::Tensor &to = in(t);
        check_count(to, n);
        at::NoGradGuard no_grad;
        to.copy_(from_host(values, to.sizes(), type));
    });
}

} // namespace

extern "C" {

int64_t t_dim(const tensor *t)
{
    return t ? in(t).dim() : -1;
}

int64_t t_size(const tensor *t, int64_t dim)
{
    if (!t)
        return -1;
    const at::Tensor &x = in(t);
    int64_t axis = dim < 0 ? dim + x.dim() : dim;
    return axis < 0 || axis >= x.dim() ? -1 : x.sizes()[static_cast<size_t>(axis)];
}

int64_t t_numel(const tensor *t)
{
    return t ? in(t).numel() : -1;
}

enum dtype t_dtype(const tensor *t)
{
    try { // no guard: a call that cannot fail must not consume an injected fault
        return t ? shim::from_torch(in(t).scalar_type()) : DTYPE_F32;
    } catch (...) {
        return DTYPE_F32; // a type without a name here: archive_read admits none
    }
}

struct device t_device(const tensor *t)
{
    if (!t || in(t).is_cpu())
        return {DEVICE_CPU, 0};
    return {DEVICE_CUDA, in(t).get_device()};
}

bool t_requires_grad(const tensor *t)
{
    return t && in(t).requires_grad();
}

const void *t_data(const tensor *t)
{
    if (!t || !in(t).is_cpu() || !in(t).is_contiguous())
        return nullptr;
    return in(t).const_data_ptr();
}

tensor *t_from_f32(scope *s, const float *data, const int64_t *dims, size_t n_dims, enum dtype dtype,
                   struct device device)
{
    return run(s, "t_from_f32", [&] {
        const at::Tensor view = from_host(data, shim::shape(dims, n_dims), at::kFloat);
        return view.to(shim::options(dtype, device), /*non_blocking=*/false, /*copy=*/true);
    });
}

tensor *t_from_i64(scope *s, const int64_t *data, const int64_t *dims, size_t n_dims, struct device device)
{
    return run(s, "t_from_i64", [&] {
        const at::Tensor view = from_host(data, shim::shape(dims, n_dims), at::kLong);
        return view.to(shim::options(DTYPE_I64, device), /*non_blocking=*/false, /*copy=*/true);
    });
}

tensor *t_from_memory(scope *s, const void *data, enum dtype dtype, const int64_t *dims, size_t n_dims)
{
    return run(s, "t_from_memory",
               [&] { return from_host(data, shim::shape(dims, n_dims), shim::to_torch(dtype)); });
}

void t_write_f32(scope *s, tensor *t, const float *values, size_t n)
{
    write(s, t, values, n, at::kFloat, "t_write_f32");
}

void t_write_i64(scope *s, tensor *t, const int64_t *values, size_t n)
{
    write(s, t, values, n, at::kLong, "t_write_i64");
}

int t_read_f32(float *out, size_t n, scope *s, const tensor *t)
{
    return read(out, n, s, t, at::kFloat, "t_read_f32");
}

int t_read_f64(double *out, size_t n, scope *s, const tensor *t)
{
    return read(out, n, s, t, at::kDouble, "t_read_f64");
}

int t_read_i64(int64_t *out, size_t n, scope *s, const tensor *t)
{
    return read(out, n, s, t, at::kLong, "t_read_i64");
}

int t_item_f64(double *out, scope *s, const tensor *t)
{
    return t_read_f64(out, 1, s, t);
}

uint64_t device_reads(void)
{
    return n_reads.load(std::memory_order_relaxed);
}

uint64_t device_uploads(void)
{
    return n_uploads.load(std::memory_order_relaxed);
}

} // extern "C"
