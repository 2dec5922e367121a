/* What prompt doctor says about the machine. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "doctor.h"
#include "prompt/base/file.h"
#include "prompt/base/process.h"
#include "prompt/run/bench.h"
#include "prompt/run/version.h"

/* ---------------------------------------------------------------- system, processor, memory */

void doctor_system(struct doctor *d)
{
    struct utsname u;
    if (uname(&u) != 0)
        memset(&u, 0, sizeof u);
    doctor_line(d, FINE, "program", "prompt %s, libtorch %s, %s %s on %s", PROMPT_VERSION, torch_version(),
                u.sysname, u.release, u.machine);
}

/* Appends the rest of the first line of `info` that begins with `field`, without the colon. */
static void append_field(struct str *out, const char *info, const char *field)
{
    for (const char *line = info; *line != '\0';) {
        const size_t n = strcspn(line, "\n");
        const char *colon = memchr(line, ':', n);
        if (str_starts_with(line, field) && colon) {
            const char *text = colon + 1 + strspn(colon + 1, " ");
            str_append_n(out, text, (size_t)(line + n - text));
            return;
        }
        line += n + (line[n] != '\0');
    }
}

static bool has_word(const char *text, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += n)
        if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

/* The instruction sets that matter for matrix products, as the system names them. */
static void append_sets(struct str *out, const char *flags)
{
    static const char *const sets[] = {"avx2",        "fma",      "avx512f", "avx512bw", "avx512_bf16",
                                       "avx512_fp16", "amx_bf16", "asimd",   "sve",      "bf16"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (has_word(flags, sets[i]))
            str_appendf(out, "%s%s", out->len > 0 ? " " : "", sets[i]);
}

void doctor_processor(struct doctor *d)
{
    struct str name = {0}, flags = {0}, sets = {0};
    char *info = NULL;
    char used[128];
    size_t n = 0;
    if (file_read(&info, &n, "/proc/cpuinfo") == OK) {
        append_field(&name, info, "model name");
        append_field(&flags, info, "flags");    /* x86 */
        append_field(&flags, info, "Features"); /* ARM */
        append_sets(&sets, str_text(&flags));
    }
    torch_describe_cpu(used, sizeof used);
    doctor_line(d, FINE, "processor", "%s; instruction sets: %s; used: %s",
                name.len > 0 ? str_text(&name) : "unknown", sets.len > 0 ? str_text(&sets) : "unknown", used);
    free(info);
    str_free(&name);
    str_free(&flags);
    str_free(&sets);
}

static double gib(size_t bytes)
{
    return (double)bytes / (1 << 30);
}

void doctor_memory(struct doctor *d)
{
    enum { ENOUGH_GIB = 2 };
    const size_t free_bytes = device_free_bytes((struct device){DEVICE_CPU, 0});
    if (free_bytes == 0)
        doctor_line(d, NOTE, "memory", "the system does not tell how much is free");
    else if (gib(free_bytes) < ENOUGH_GIB)
        doctor_line(d, NOTE, "memory",
                    "%.1f GiB free; a ViT-B/16 needs more: end other programs, or set memory_budget_mib",
                    gib(free_bytes));
    else
        doctor_line(d, FINE, "memory", "%.1f GiB free for this process", gib(free_bytes));
}

/* ---------------------------------------------------------------- threads */

static void append_limit(struct str *out, const char *what, int64_t n, const char *unit)
{
    if (n > 0)
        str_appendf(out, "%s%s %" PRId64 " %s", out->len > 0 ? ", " : "", what, n, unit);
}

/* "the machine has 8 processors, the affinity mask 2 on 1 core, the control group's quota is 2" */
static void describe_limits(struct str *out, const struct process_limits *l)
{
    append_limit(out, "the machine has", l->processors,
                 plural((size_t)l->processors, "processor", "processors"));
    append_limit(out, "the affinity mask allows", l->allowed, "of them");
    if (l->allowed_cores > 0)
        str_appendf(out, " on %" PRId64 " %s", l->allowed_cores,
                    plural((size_t)l->allowed_cores, "core", "cores"));
    append_limit(out, "the control group's quota is", l->quota, "of them");
    append_limit(out, "Slurm lends", l->lent, "of them");
}

void doctor_threads(struct doctor *d)
{
    struct process_limits limits;
    struct str why = {0};
    process_find_limits(&limits);
    describe_limits(&why, &limits);
    const int64_t wanted = d->config.threads > 0 ? d->config.threads : process_cores();
    if (torch_init(d->config.threads) != OK) {
        doctor_line(d, MISSING, "threads", "%s", error_message());
    } else if (torch_threads() < wanted) {
        doctor_line(d, NOTE, "threads",
                    "only %" PRId64 " of %" PRId64
                    " share the work (%s); unset OMP_THREAD_LIMIT and OMP_DYNAMIC",
                    torch_threads(), wanted, str_text(&why));
    } else if (wanted > process_cores()) {
        doctor_line(d, NOTE, "threads",
                    "%" PRId64 ", more than the %" PRId64 " cores that the process can keep busy (%s): set "
                    "threads=0",
                    wanted, process_cores(), str_text(&why));
    } else {
        doctor_line(d, FINE, "threads", "%" PRId64 " (%s)", wanted, str_text(&why));
    }
    str_free(&why);
}

/* How threads without work wait, and who says so. */
void doctor_wait(struct doctor *d)
{
    static const double LONG_S = 1e-3; /* libgomp's own wait is 3 ms; a busy machine stretches a short one */
    const char *const names[] = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"};
    const char *name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !name; i++)
        if (getenv(names[i]))
            name = names[i];
    if (torch_threads() < 2) {
        doctor_line(d, FINE, "wait", "one thread waits for none");
        return;
    }
    const double spin_s = torch_spin_s();
    doctor_line(d, FINE, "wait", "a thread without work spins for %.2g ms, then sleeps (%s%s)%s",
                1e3 * spin_s, name ? name : "the default", name ? " says so" : "",
                spin_s > LONG_S && !name ? "; beside other programs, threads=0 lets fewer compute" : "");
}

/* Variables that change threads, instruction sets or devices behind the program's back. */
void doctor_environment(struct doctor *d)
{
    static const struct {
        const char *name;
        bool is_overridden; /* by this program's key threads */
    } variables[] = {
        {"OMP_NUM_THREADS", true},   {"MKL_NUM_THREADS", true},       {"OMP_THREAD_LIMIT", false},
        {"OMP_DYNAMIC", false},      {"OMP_PROC_BIND", false},        {"OMP_PLACES", false},
        {"OMP_WAIT_POLICY", false},  {"GOMP_SPINCOUNT", false},       {"GOMP_CPU_AFFINITY", false},
        {"KMP_AFFINITY", false},     {"ATEN_CPU_CAPABILITY", false},  {"ONEDNN_MAX_CPU_ISA", false},
        {"DNNL_MAX_CPU_ISA", false}, {"CUDA_VISIBLE_DEVICES", false}, {"LD_LIBRARY_PATH", false},
        {"LD_PRELOAD", false},       {"MALLOC_ARENA_MAX", false}};
    struct str set = {0};
    bool has_other = false;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i].name);
        if (!value)
            continue;
        str_appendf(&set, "%s%s=%.60s%s", set.len > 0 ? ", " : "", variables[i].name, value,
                    variables[i].is_overridden ? " (the key threads overrides it)" : "");
        has_other = has_other || !variables[i].is_overridden;
    }
    if (has_other)
        doctor_line(d, NOTE, "environment", "%s; unset them if speed or devices surprise you",
                    str_text(&set));
    else
        doctor_line(d, FINE, "environment", "%s",
                    set.len > 0 ? str_text(&set) : "no variable limits threads, instruction sets or devices");
    str_free(&set);
}

/* ---------------------------------------------------------------- devices, precision */

void doctor_devices(struct doctor *d)
{
    char found[1024], chosen[16];
    device_describe(found, sizeof found);
    if (device_parse(&d->device, d->config.device) != OK) {
        doctor_line(d, MISSING, "devices", "%s", error_message());
        return;
    }
    device_format(chosen, sizeof chosen, d->device);
    doctor_line(d, FINE, "devices", "%s; the commands use %s", found, chosen);
}

/* What to choose, given both rates. */
static const char *precision_advice(const struct bench_bf16 *rates, bool on_cpu)
{
    if (!on_cpu)
        return "precision=auto computes in fp16 on a GPU";
    return bench_bf16_pays(rates)
               ? "--precision bf16 is faster, precision=auto computes in fp32 on a CPU"
               : "--precision bf16 keeps the weights in bf16 and computes in fp32: less memory, not faster";
}

void doctor_precision(struct doctor *d)
{
    struct bench_bf16 rates;
    if (!device_has_bf16(d->device))
        doctor_line(
            d, FINE, "precision",
            "fp32; products in bf16 need a processor with AVX512-BF16 or AMX, or a GPU; --precision bf16 "
            "keeps the weights in bf16");
    else if (bench_bf16_measure(&rates, d->device) != OK)
        doctor_line(d, MISSING, "precision", "%s", error_message());
    else
        doctor_line(d, FINE, "precision",
                    "a matrix product in bf16 is %.1f times as fast as in fp32 (%.0f and %.0f GFLOP/s%s, "
                    "measured); %s",
                    rates.bf16 / rates.fp32, rates.bf16 / 1e9, rates.fp32 / 1e9,
                    d->device.kind == DEVICE_CPU ? " a core" : "",
                    precision_advice(&rates, d->device.kind == DEVICE_CPU));
}
