// Translates libtorch's exceptions into our messages; its own name source files, functions and stacks.
#include "shim.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <sys/mman.h>
#include <system_error>

namespace shim
{

bool is_memory_short() noexcept
{
    constexpr size_t n = size_t{32} << 20;
    void *probe = mmap(nullptr, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED)
        return true;
    munmap(probe, n);
    return false;
}

namespace
{

/** "[enforce fail at alloc_cpu.cpp:127] err == 0. Text. More" -> "Text": the first sentence, bare. */
std::string first_sentence(std::string text)
{
    const std::string enforce = "[enforce fail at ";
    size_t at = text.find(enforce);
    if (at != std::string::npos) {
        at = text.find("] ", at);
        text.erase(0, at == std::string::npos ? 0 : at + 2);
        at = text.find(". "); // after the condition
        text.erase(0, at == std::string::npos ? 0 : at + 2);
    }
    text.erase(std::min(text.size(), text.find('\n')));
    at = text.find("Exception raised from ");
    text.erase(std::min(text.size(), at));
    at = text.find(". ");
    text.erase(std::min(text.size(), at));
    while (!text.empty() && (text.back() == ' ' || text.back() == '.'))
        text.pop_back();
    return text;
}

/** The text between `before` and one of `ends`; "" without `before`. */
std::string after(const std::string &text, const char *before, const char *ends)
{
    const size_t at = text.find(before);
    if (at == std::string::npos)
        return "";
    const size_t start = at + std::char_traits<char>::length(before);
    return text.substr(start, text.find_first_of(ends, start) - start);
}

bool has(const std::string &text, const char *part)
{
    return text.find(part) != std::string::npos;
}

/** "9437184" -> "9.0 MiB" */
std::string format_bytes(const std::string &number)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double amount = std::strtod(number.c_str(), nullptr);
    size_t unit = 0;
    while (amount >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        amount /= 1024;
        unit++;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
    return text;
}

bool is_out_of_memory(const std::string &what)
{
    if (has(what, "could not create a ") && is_memory_short()) // oneDNN reports this for every failure
        return true;
    return has(what, "DefaultCPUAllocator: ") || has(what, "out of memory") || has(what, "Out of Memory") ||
           has(what, "CUBLAS_STATUS_ALLOC_FAILED") || has(what, "CUDNN_STATUS_ALLOC_FAILED");
}

/** The CPU's allocator reports bytes, CUDA's "20.00 MiB" and the free memory. */
int set_out_of_memory(const char *name, const std::string &what)
{
    const std::string bytes = after(what, "you tried to allocate ", " ");
    std::string amount = bytes.empty() ? after(what, "ried to allocate ", ".") : format_bytes(bytes);
    if (bytes.empty() && !amount.empty()) // cut off at the point of "20.00 MiB"
        amount = after(what, "ried to allocate ", "B") + "B";
    const bool is_device = has(what, "CUDA") || has(what, "CUBLAS") || has(what, "CUDNN");
    const std::string of_which = after(what, "of which ", "B");
    const char *where = is_device ? " on the CUDA device" : "";
    if (amount.empty())
        return error_set(ERR_MEMORY, "out of memory%s (in %s)", where, name);
    if (!is_device || of_which.empty())
        return error_set(ERR_MEMORY, "out of memory%s: %s more were requested (by %s)", where, amount.c_str(),
                         name);
    return error_set(ERR_MEMORY, "out of memory%s: %s more were requested (by %s), %sB were free", where,
                     amount.c_str(), name, of_which.c_str());
}

} // namespace

bool is_out_of_memory(const c10::Error &e)
{
    return dynamic_cast<const c10::OutOfMemoryError *>(&e) || is_out_of_memory(e.what_without_backtrace());
}

std::string archive_fault(const c10::Error &e)
{
    static const std::pair<const char *, const char *> faults[] = {
        {"central directory", "it is truncated: its list of contents, at the file's end, is missing"},
        {"not a ZIP archive", "it is truncated: its list of contents, at the file's end, is missing"},
        {"CRC-32", "the archive is damaged: a record's checksum differs from its data"},
        {"not in a subdirectory", "it is a zip file, but not one of torch.save or torch.jit.save"},
        {"archive does not contain any files", "it is a zip file without files"},
        {"file not found", "the archive is damaged: a record that it names is missing"},
        {"decompress", "the archive is damaged: a record cannot be unpacked"},
        {"unsupported", "the archive is damaged, or packed in an unsupported way"},
        {"invalid header", "the archive is damaged: a record has an invalid header"},
        {"version", "the archive is damaged: its version is not supported"},
    };
    const std::string what = e.what_without_backtrace();
    for (const auto &[part, fault] : faults)
        if (has(what, part))
            return fault;
    return "the archive is damaged";
}

int translate_exception(const char *name) noexcept
{
    if (const int earlier = first_failure_of_thread(); earlier != OK)
        return earlier;
    try {
        try {
            throw;
        } catch (const c10::Error &e) {
            if (is_out_of_memory(e))
                return set_out_of_memory(name, e.what_without_backtrace());
            return error_set(ERR_TORCH, "%s: %s", name, first_sentence(e.what_without_backtrace()).c_str());
        } catch (const std::bad_alloc &) {
            return error_set(ERR_MEMORY, "out of memory (in %s)", name);
        } catch (const std::system_error &e) {
            if (e.code() == std::errc::resource_unavailable_try_again)
                return error_set(ERR_TORCH,
                                 "%s: cannot start another thread: set 'threads' to fewer, or raise the "
                                 "limits of processes and memory (ulimit -u, ulimit -v)",
                                 name);
            return error_set(ERR_TORCH, "%s: %s", name, first_sentence(e.what()).c_str());
        } catch (const std::exception &e) {
            if (is_out_of_memory(std::string(e.what())))
                return set_out_of_memory(name, e.what());
            return error_set(ERR_TORCH, "%s: %s", name, first_sentence(e.what()).c_str());
        } catch (...) {
            return error_set(ERR_TORCH, "%s: unknown exception", name);
        }
    } catch (...) { // out of memory for the message itself
        return error_out_of_memory();
    }
}

} // namespace shim

extern "C" void torch_on_uncaught(void (*handler)(void))
{
    std::set_terminate(handler);
}
