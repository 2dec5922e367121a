// Devices, processors, memory, versions.
#include "shim.hpp"

#include <ATen/Version.h>
#include <torch/cuda.h>
#include <torch/version.h>
#define HAS_DEVICE_ALLOCATOR                                                                                 \
    (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 13))
#if HAS_DEVICE_ALLOCATOR
#include <c10/core/CachingDeviceAllocator.h>
#endif

#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "kernels/kernels.hpp"

namespace
{

int64_t cuda_devices() noexcept
{
    int64_t n = 0;
    try {
        n = static_cast<int64_t>(torch::cuda::device_count());
    } catch (...) { // a broken driver counts as no device
        n = 0;
    }
    return n;
}

/** The machine's "MemAvailable", or less if the control group leaves less. */
size_t available_host_bytes()
{
    size_t available = 0;
    std::ifstream info("/proc/meminfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("MemAvailable:", 0) == 0)
            available = std::stoull(line.substr(13)) * 1024;
    std::ifstream limit("/sys/fs/cgroup/memory.max");
    std::ifstream used("/sys/fs/cgroup/memory.current");
    unsigned long long limit_bytes = 0;
    unsigned long long used_bytes = 0;
    if (limit >> limit_bytes && used >> used_bytes && limit_bytes > used_bytes)
        available = std::min<size_t>(available, limit_bytes - used_bytes);
    return available;
}

/** Free bytes of a CUDA device, from its driver. Without CUDA's headers only newer versions of libtorch (as
 * of 2.13) provide it; 0 for older ones. */
size_t free_cuda_bytes([[maybe_unused]] int index)
{
#if HAS_DEVICE_ALLOCATOR
    return c10::getDeviceAllocator(c10::DeviceType::CUDA)
        ->getMemoryInfo(static_cast<c10::DeviceIndex>(index))
        .first;
#else
    return 0;
#endif
}

/** The version of the libtorch that runs, which may differ from that of the headers. */
std::string running_version()
{
    const std::string config = at::show_config(); // "... Build settings: ..., TORCH_VERSION=2.13.0, ..."
    const std::string key = "TORCH_VERSION=";
    const size_t at = config.find(key);
    if (at == std::string::npos)
        return TORCH_VERSION;
    const size_t start = at + key.size();
    return config.substr(start, config.find_first_of(", \n", start) - start);
}

} // namespace

extern "C" {

const char *torch_version(void)
{
    try {
        static const std::string version = running_version();
        return version.c_str();
    } catch (...) { // out of memory
        return TORCH_VERSION;
    }
}

int64_t device_count_cuda(void)
{
    return cuda_devices();
}

void device_describe(char *out, size_t n)
{
    const int64_t devices = cuda_devices();
    if (devices > 0)
        std::snprintf(out, n, "cpu, cuda (%lld device%s)", static_cast<long long>(devices),
                      devices > 1 ? "s" : "");
    else if (at::globalContext().hasCUDA())
        std::snprintf(out, n, "cpu (libtorch has CUDA, but no usable device was found)");
    else
        std::snprintf(out, n, "cpu (no CUDA: libtorch was built without it, or found no driver)");
}

int device_parse(struct device *out, const char *text)
{
    *out = device{DEVICE_CPU, 0};
    if (std::strcmp(text, "cpu") == 0)
        return OK;
    const int64_t devices = cuda_devices();
    if (std::strcmp(text, "auto") == 0) {
        if (devices > 0)
            out->kind = DEVICE_CUDA;
        return OK;
    }
    int index = 0;
    bool is_cuda = std::strcmp(text, "cuda") == 0;
    if (std::strncmp(text, "cuda:", 5) == 0) {
        const char *end = text + std::strlen(text);
        const auto parsed = std::from_chars(text + 5, end, index);
        is_cuda = parsed.ec == std::errc() && parsed.ptr == end && index >= 0;
    }
    if (!is_cuda)
        return error_set(ERR_USAGE, "device '%s': expected auto, cpu, cuda or cuda:i", text);
    if (index >= devices) {
        char found[160];
        device_describe(found, sizeof found);
        return error_set(ERR_USAGE, "device '%s' does not exist; found: %s", text, found);
    }
    *out = device{DEVICE_CUDA, index};
    return OK;
}

void device_format(char *out, size_t n, struct device device)
{
    if (device.kind == DEVICE_CPU)
        std::snprintf(out, n, "cpu");
    else
        std::snprintf(out, n, "cuda:%d", device.index);
}

bool device_has_bf16(struct device device)
{
    if (device.kind == DEVICE_CUDA)
        return true;
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") != 0;
#else
    return false;
#endif
}

void torch_describe_cpu(char *out, size_t n)
{
    std::snprintf(out, n, "%s (kernels of this program)", kernels::best_name());
    (void)shim::guard("torch_describe_cpu", [&] {
        std::snprintf(out, n, "%s (libtorch), %s (kernels of this program)", at::get_cpu_capability().c_str(),
                      kernels::best_name());
        return static_cast<int>(OK);
    });
}

size_t device_free_bytes(struct device device)
{
    size_t bytes = 0;
    (void)shim::guard("device_free_bytes", [&] {
        bytes = device.kind == DEVICE_CPU ? available_host_bytes() : free_cuda_bytes(device.index);
        return static_cast<int>(OK);
    });
    return bytes;
}

} // extern "C"
