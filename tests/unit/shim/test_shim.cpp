// What the C face of the shim does not show: pickles, the old format's end, operations inside operations, and
// the control group's memory.
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <unistd.h>

#include "pickle.hpp"
#include "shim.hpp"

extern "C" {
#include <cmocka.h>

#include "prompt/torch/profile.h"
#include "prompt/torch/torch.h"
}

using std::string_literals::operator""s;

// ---------------------------------------------------------------- the control group's files

static std::string group; // the folder that takes the place of the control group's

// libstdc++ opens its streams by this function: the program's own is found first.
extern "C" FILE *fopen64(const char *path, const char *mode)
{
    using opener = FILE *(*)(const char *, const char *);
    static const auto real = reinterpret_cast<opener>(dlsym(RTLD_NEXT, "fopen64"));
    const std::string where = "/sys/fs/cgroup";
    if (group.empty() || std::string(path).rfind(where, 0) != 0)
        return real(path, mode);
    return real((group + (path + where.size())).c_str(), mode);
}

namespace
{

void write_file(const std::string &path, const std::string &text)
{
    FILE *file = std::fopen(path.c_str(), "wb");
    assert_non_null(file);
    assert_int_equal(std::fwrite(text.data(), 1, text.size(), file), text.size());
    assert_int_equal(std::fclose(file), 0);
}

std::string make_folder()
{
    char folder[] = "/tmp/prompt-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    return folder;
}

void test_shim__free_memory_is_no_more_than_the_control_group_leaves(void **)
{
    const std::string folder = make_folder();
    write_file(folder + "/memory.max", "3000000\n");
    write_file(folder + "/memory.current", "1000000\n");
    group = folder;
    const size_t limited = device_free_bytes({DEVICE_CPU, 0});
    write_file(folder + "/memory.max", "max\n");
    const size_t unlimited = device_free_bytes({DEVICE_CPU, 0});
    group.clear();
    assert_int_equal(limited, 2000000);
    assert_true(unlimited > 2000000);
    (void)unlink((folder + "/memory.max").c_str());
    (void)unlink((folder + "/memory.current").c_str());
    assert_int_equal(rmdir(folder.c_str()), 0);
}

// ---------------------------------------------------------------- pickles

// A tensor over a storage of floats 0, 1, ..., as torch.save describes it; sizes and strides as opcodes.
std::string tensor_of(const std::string &sizes, const std::string &strides)
{
    return "\x80\x02"
           "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
           "0X\x03\0\0\0cpuK\x06tQK\0"s +
           sizes + strides + "\x89}tR.";
}

// Unpickles where the storage has `n` numbers.
at::Tensor unpickled(const std::string &bytes, int64_t n)
{
    const auto load = [&](const shim::value &) { return at::arange(n, at::kFloat).view(at::kByte); };
    const shim::pickle pickled(bytes.data(), bytes.size(), load);
    return pickled.root().tensor;
}

void test_shim__a_transposed_tensor_is_read_by_its_strides(void **)
{
    const at::Tensor t = unpickled(tensor_of("K\x02K\x03\x86", "K\x01K\x02\x86"), 6); // [2,3]
    assert_int_equal(t.dim(), 2);
    const float want[] = {0, 2, 4, 1, 3, 5};
    for (int64_t i = 0; i < 6; i++)
        assert_true(t[i / 3][i % 3].item<float>() == want[i]);
}

void test_shim__a_view_that_ends_behind_its_storage_is_refused(void **)
{
    bool is_refused = false;
    try {
        (void)unpickled(tensor_of("K\x02K\x03\x86", "K\x03K\x01\x86"), 5);
    } catch (const shim::damaged &e) {
        is_refused = std::strcmp(e.what(), "a tensor is larger than its data") == 0;
    }
    assert_true(is_refused);
}

void test_shim__long_numbers_have_a_sign(void **)
{
    const auto number = [](const std::string &bytes) {
        const auto load = [](const shim::value &) { return at::Tensor(); };
        return shim::pickle(bytes.data(), bytes.size(), load).root().integer;
    };
    assert_int_equal(number("\x80\x02\x8a\x01\xff."), -1);
    assert_int_equal(number("\x80\x02\x8a\x01\x7f."), 127);
    assert_int_equal(number("\x80\x02\x8a\x02\x00\xff."s), -256);
}

// ---------------------------------------------------------------- the old format of torch.save

int pass_by(void *, const archive_item *)
{
    return OK;
}

// {"w": a tensor of two floats}, by PyTorch 2.13.0 without the new format, without the system's types.
const std::string LEGACY =
    "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02}X\x01\0\0\0w"
    "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
    "0X\x03\0\0\0cpuK\x02NtQK\0K\x02\x85K\x01\x85\x89}tRs.\x80\x02]X\x01\0\0\0"
    "0a.\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x80?"s;

void test_shim__an_old_archive_cut_anywhere_is_refused(void **)
{
    const std::string folder = make_folder(), path = folder + "/old.pt";
    for (size_t n = LEGACY.size(); n > 32; n--) {
        archive_facts facts;
        const archive_visitor visitor = {pass_by, nullptr, nullptr};
        write_file(path, LEGACY.substr(0, n));
        scope *s = scope_open(nullptr, SCOPE_GRAD_OFF);
        const int status = archive_read(s, path.c_str(), &facts, &visitor);
        if (status != (n == LEGACY.size() ? OK : ERR_FORMAT))
            fail_msg("cut to %zu of %zu bytes: status %d, %s", n, LEGACY.size(), status, error_message());
        (void)scope_close(s);
    }
    (void)unlink(path.c_str());
    assert_int_equal(rmdir(folder.c_str()), 0);
}

// ---------------------------------------------------------------- operations inside others

void test_shim__an_operation_inside_another_is_part_of_that(void **)
{
    op_cost ops[4];
    assert_int_equal(profile_start({DEVICE_CPU, 0}), OK);
    {
        const shim::timed_op outer("outer");
        {
            const shim::timed_op inner("inner");
            shim::count_flop(2.0, 1.0);
        }
        shim::count_flop(3.0, 0.0);
    }
    assert_int_equal(profile_stop(ops, 4), 1);
    assert_string_equal(ops[0].name, "outer");
    assert_int_equal(ops[0].n_calls, 1);
    assert_true(ops[0].flop == 5.0 && ops[0].backward_flop == 1.0);
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shim__free_memory_is_no_more_than_the_control_group_leaves),
        cmocka_unit_test(test_shim__a_transposed_tensor_is_read_by_its_strides),
        cmocka_unit_test(test_shim__a_view_that_ends_behind_its_storage_is_refused),
        cmocka_unit_test(test_shim__long_numbers_have_a_sign),
        cmocka_unit_test(test_shim__an_old_archive_cut_anywhere_is_refused),
        cmocka_unit_test(test_shim__an_operation_inside_another_is_part_of_that),
    };
    return cmocka_run_group_tests_name("shim", tests, nullptr, nullptr);
}
