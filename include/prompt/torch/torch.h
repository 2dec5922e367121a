/**
 * The C interface to libtorch: tensors that live in scopes, and the operations that this program uses.
 *
 * Three rules:
 *
 * 1. A scope owns every tensor made in it; no tensor is freed by hand. `scope_close` frees them all, restores
 *    the gradient mode and returns the first failure.
 * 2. An operation takes the scope first, borrows its inputs and returns a tensor of that scope (borrowed). A
 *    failing one marks the scope and returns NULL; later operations on it do nothing, so mathematics is
 *    written without checks and checked once, when the scope closes or a value is read (t_read_*, t_item_*).
 * 3. No C++ exception leaves the shim; it becomes ERR_MEMORY with the size requested, or ERR_TORCH with
 *    libtorch's first sentence.
 *
 * Names, argument order and defaults are PyTorch's. Nothing here depends on CLIP.
 */
#ifndef PROMPT_TORCH_TORCH_H
#define PROMPT_TORCH_TORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/dtype.h"
#include "prompt/base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct scope scope;
typedef struct tensor tensor; /* borrowed; lives as long as its scope */

/* ---------------------------------------------------------------- devices */

enum device_kind { DEVICE_CPU, DEVICE_CUDA };

struct device {
    enum device_kind kind;
    int index; /* CUDA device; 0 for CPU */
};

/** "cpu", "cuda", "cuda:1", or "auto" (CUDA if usable, else CPU). ERR_USAGE names the devices present. */
int device_parse(struct device *out, const char *text);
/** "cpu" or "cuda:i"; 16 bytes always suffice. */
void device_format(char *out, size_t n, struct device device);
int64_t device_count_cuda(void);
/** One line for `prompt --version`: the names of the CUDA devices, or why CUDA cannot be used. */
void device_describe(char *out, size_t n);
/** Whether bfloat16 products are fast: on CUDA, or on a CPU with AVX512-BF16 or AMX. */
bool device_has_bf16(struct device device);
/** The instruction sets that are used on this CPU, "AVX512 (libtorch), avx512 (kernels of this program)". */
void torch_describe_cpu(char *out, size_t n);
/** Free bytes of the device (CUDA, libtorch from 2.13 on) or of the machine (CPU); 0 if unknown. */
size_t device_free_bytes(struct device device);

/* ---------------------------------------------------------------- run time */

/**
 * Sets the allocator's thresholds and the number of intra-op threads (0: process_cores). Call it once, before
 * the first tensor. By default glibc returns large blocks to the system after every use, and page faults then
 * cost up to 28 times the work itself (measured: QuickGELU 45 ms against 1.6 ms). Switches TF32 off: on CUDA,
 * fp32 is computed in fp32.
 */
int torch_init(int64_t n_threads);
/** Sets the handler of uncaught exceptions, which ends the program. May be called before the libraries'
 * initializers, in which libtorch registers its operations and throws if memory runs out. */
void torch_on_uncaught(void (*handler)(void));
/** From now on at most `n` of torch_init's threads (0: all) share the work of the operations that this thread calls,
 * where no result depends on their number: our kernels, products with packed weights, and what shim/ops.cpp runs as
 * shared. */
void torch_use_threads(int64_t n);
int64_t torch_threads(void); /* that share a kernel's work, the caller's included */
/** Seconds that one of these computes on while it waits for work, before it sleeps, at most 0.02; measured in a
 * tenth of a second. 0 with one thread. */
double torch_spin_s(void);
const char *torch_version(void); /* of the libtorch that runs, "2.13.0"; static */

/* ---------------------------------------------------------------- scopes */

/** A scope that sets the gradient mode restores it: close such scopes in the reverse order of opening. */
enum scope_grad { SCOPE_GRAD_INHERIT, SCOPE_GRAD_OFF, SCOPE_GRAD_ON };

/** Opens a scope (owned) below `parent` (or NULL). NULL if out of memory: operations on it do nothing. */
scope *scope_open(scope *parent, enum scope_grad grad);
/** Frees scope and tensors, restores the gradient mode; its failure marks the parent. NULL: ERR_MEMORY. */
int scope_close(scope *s);
/** A handle of the same tensor, borrowed from the parent scope: it outlives `s`. NULL in, NULL out. */
tensor *scope_keep(scope *s, const tensor *t);
/** A handle of the same tensor, borrowed from the scope `into`. */
tensor *scope_share(scope *into, const tensor *t);
bool scope_ok(const scope *s);
/** The scope's first failure, or OK. */
int scope_status(const scope *s);
/** Marks the scope as failed with the error set by error_set; later operations do nothing. */
void scope_fail(scope *s, int status);
/** Live handles in all scopes; the tests' leak check. */
size_t scope_live_tensors(void);
/** Makes the n-th call of an operation from now on fail (0: none); for tests of error paths. */
void shim_fail_after(uint64_t n);
/**
 * For the same tests: `watch` runs at the beginning of each call that shim_fail_after counts, and gets the address to
 * which the call returns. NULL: nothing runs.
 */
void shim_watch_calls(void (*watch)(const void *site));
/** Likewise for each tensor that is made in a scope, when it is there. */
void shim_watch_tensors(void (*watch)(const tensor *made));

/* ---------------------------------------------------------------- shapes as arguments */

#define SHAPE(...)                                                                                           \
    ((const int64_t[]){__VA_ARGS__}), (sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

int64_t t_dim(const tensor *t);               /* number of axes; -1 for NULL */
int64_t t_size(const tensor *t, int64_t dim); /* negative dims count from the end; -1: NULL or no such axis */
int64_t t_numel(const tensor *t);             /* -1 for NULL */
enum dtype t_dtype(const tensor *t);          /* DTYPE_F32 for NULL */
struct device t_device(const tensor *t);      /* the CPU for NULL */
bool t_requires_grad(const tensor *t);

/* ---------------------------------------------------------------- to and from host memory */

/** A copy of `data` (`dims` row-major, on the host) on `device`, converted to `dtype`. */
tensor *t_from_f32(scope *s, const float *data, const int64_t *dims, size_t n_dims, enum dtype dtype,
                   struct device device);
tensor *t_from_i64(scope *s, const int64_t *data, const int64_t *dims, size_t n_dims, struct device device);
/** A view (no copy) of borrowed host memory, which must outlive the scope; never written through. */
tensor *t_from_memory(scope *s, const void *data, enum dtype dtype, const int64_t *dims, size_t n_dims);
/** Copies `n` = numel values from the host into a tensor, which keeps its place, converted. */
void t_write_f32(scope *s, tensor *t, const float *values, size_t n);
void t_write_i64(scope *s, tensor *t, const int64_t *values, size_t n);
/** The host bytes of a contiguous CPU tensor, borrowed; else NULL. */
const void *t_data(const tensor *t);

/** Readers are gates: they return the scope's failure or copy `n` = numel values to the host, converted. */
int t_read_f32(float *out, size_t n, scope *s, const tensor *t);
int t_read_f64(double *out, size_t n, scope *s, const tensor *t);
int t_read_i64(int64_t *out, size_t n, scope *s, const tensor *t);
int t_item_f64(double *out, scope *s, const tensor *t);
/** Calls of the readers above since the program's start, by all threads. Each waits for the device; nothing
 * else copies from a device to the host. */
uint64_t device_reads(void);
/** Calls since then that take values from the host's memory: t_from_*, t_write_*, t_dropout_mask, and the dense mask
 * of a tree. A number that is an argument (t_full, t_fill_) is none. */
uint64_t device_uploads(void);

/* ---------------------------------------------------------------- making and shaping */

tensor *t_zeros(scope *s, const int64_t *dims, size_t n_dims, enum dtype dtype, struct device device);
tensor *t_full(scope *s, const int64_t *dims, size_t n_dims, double value, enum dtype dtype,
               struct device device);
tensor *t_to(scope *s, const tensor *t, enum dtype dtype); /* shares the tensor if nothing changes */
tensor *t_to_device(scope *s, const tensor *t, struct device device);
tensor *t_contiguous(scope *s, const tensor *t);
tensor *t_clone(scope *s, const tensor *t);
tensor *t_detach(scope *s, const tensor *t);
tensor *t_reshape(scope *s, const tensor *t, const int64_t *dims, size_t n_dims);
tensor *t_expand(scope *s, const tensor *t, const int64_t *dims, size_t n_dims);
tensor *t_transpose(scope *s, const tensor *t, int64_t dim0, int64_t dim1);
tensor *t_unsqueeze(scope *s, const tensor *t, int64_t dim);
tensor *t_squeeze(scope *s, const tensor *t, int64_t dim);
tensor *t_narrow(scope *s, const tensor *t, int64_t dim, int64_t start, int64_t length);
tensor *t_select(scope *s, const tensor *t, int64_t dim, int64_t index);
tensor *t_index_select(scope *s, const tensor *t, int64_t dim, const tensor *index);
tensor *t_gather(scope *s, const tensor *t, int64_t dim, const tensor *index);
tensor *t_cat(scope *s, const tensor *const *tensors, size_t n, int64_t dim);
tensor *t_stack(scope *s, const tensor *const *tensors, size_t n, int64_t dim);
#define TENSORS(...)                                                                                         \
    ((const tensor *const[]){__VA_ARGS__}), (sizeof((const tensor *const[]){__VA_ARGS__}) / sizeof(tensor *))
tensor *t_embedding(scope *s, const tensor *weight, const tensor *index);

/* ---------------------------------------------------------------- arithmetic */

tensor *t_add(scope *s, const tensor *a, const tensor *b);
tensor *t_sub(scope *s, const tensor *a, const tensor *b);
tensor *t_mul(scope *s, const tensor *a, const tensor *b);
tensor *t_scale(scope *s, const tensor *a, double factor);
tensor *t_exp(scope *s, const tensor *a);
tensor *t_abs(scope *s, const tensor *a);
tensor *t_sum(scope *s, const tensor *a); /* over all axes */
tensor *t_max(scope *s, const tensor *a); /* over all axes */
tensor *t_is_finite(scope *s, const tensor *a);

/* ---------------------------------------------------------------- layers' operations */

tensor *t_matmul(scope *s, const tensor *a, const tensor *b);
/** x W^T + b; `bias` may be NULL. */
tensor *t_linear(scope *s, const tensor *x, const tensor *weight, const tensor *bias);
/**
 * Non-overlapping patches: stride = kernel size, no padding, no bias.
 *   x       [B,C,S,S]
 *   weight  [W,C,p,p]
 *   result  [B,W,S/p,S/p]
 */
tensor *t_conv2d_patches(scope *s, const tensor *x, const tensor *weight);
tensor *t_layer_norm(scope *s, const tensor *x, const tensor *weight, const tensor *bias, double eps);
tensor *t_relu(scope *s, const tensor *x);
tensor *t_gelu(scope *s, const tensor *x); /* the exact one (erf) */
tensor *t_sigmoid(scope *s, const tensor *x);
tensor *t_silu(scope *s, const tensor *x); /* x sigmoid(x) */
tensor *t_softmax(scope *s, const tensor *x, int64_t dim);
tensor *t_log_softmax(scope *s, const tensor *x, int64_t dim);
/** softmax(q k^T / sqrt(head width)) v over [..., T, head width]; causal: position t attends to 0..t. */
tensor *t_attention(scope *s, const tensor *q, const tensor *k, const tensor *v, bool causal);
/** x / max(|x|_2, 1e-12) along `dim`. */
tensor *t_normalize(scope *s, const tensor *x, int64_t dim);
/**
 * Mean cross-entropy.
 *   logits  [B,K]
 *   labels  [B]    int64
 *   result  []
 */
tensor *t_cross_entropy(scope *s, const tensor *logits, const tensor *labels);
/** Indices of the `k` largest along the last axis, largest first; equal values: lowest index first. */
tensor *t_top_indices(scope *s, const tensor *x, int64_t k);

/* ---------------------------------------------------------------- autograd */

/** Makes a leaf a trained tensor: it requires gradients. */
void t_require_grad(scope *s, tensor *t);
/** Adds d loss / d leaf to the gradient of every trained leaf. */
int t_backward(scope *s, const tensor *loss);
/** The leaf's gradient; NULL if none was computed, which does not mark the scope. */
tensor *t_grad(scope *s, const tensor *leaf);
void t_clear_grad(scope *s, tensor *leaf);

/** In place, without recording: a += factor * b; a *= factor; a = b; all of a = value. For the optimizer only. */
void t_add_scaled_(scope *s, tensor *a, const tensor *b, double factor);
void t_add_scaled_by_(scope *s, tensor *a, const tensor *b,
                      const tensor *factor); /* [], on the same device */
void t_scale_(scope *s, tensor *a, double factor);
void t_copy_(scope *s, tensor *a, const tensor *b);
void t_fill_(scope *s, tensor *a, double value);
/** a = min(a, largest). */
void t_clamp_max_(scope *s, tensor *a, double largest);

/** The numbers of one step of AdamW; those that change from step to step are on the device. */
struct adamw_numbers {
    const tensor *lr;   /* [], F64; CUDA rounds it to fp32 */
    const tensor *step; /* [], F64, from 1 */
    double beta1, beta2, weight_decay, eps;
};
/**
 * One step of AdamW in place on n tensors: w -= lr weight_decay w; first = beta1 first + (1 - beta1) g;
 * second = beta2 second + (1 - beta2) g^2; w -= lr f / (sqrt(v) + eps) with bias-corrected moments f, v.
 */
void t_adamw_(scope *s, tensor *const *w, const tensor *const *grads, tensor *const *first,
              tensor *const *second, size_t n, struct adamw_numbers numbers);

/* ---------------------------------------------------------------- PyTorch's own archives */

enum { ARCHIVE_CLASS_SIZE = 128 };

/** A tensor of an archive; `value` is borrowed from the scope, texts are borrowed during the call. */
struct archive_item {
    const char *name;  /* the path of its keys, joined by '.' */
    size_t n_outer;    /* bytes of the name that come from dicts around its own */
    tensor *value;     /* NULL if its kind is not supported */
    const char *found; /* the unsupported kind, "is sparse", "is a numpy array"; else NULL */
};

/** The calls of archive_read. If one does not return OK, the walk ends with its status. */
struct archive_visitor {
    int (*tensor)(void *context, const struct archive_item *item);
    /* numbers and texts, named as tensors are: "metadata.alpha", "0.5"; NULL: not asked for */
    int (*scalar)(void *context, const char *name, const char *text);
    void *context; /* borrowed */
};

struct archive_facts {
    bool is_script; /* a TorchScript archive */
    /* "open_clip.model.CLIP": of a module that was pickled whole, whose tensors are not visited; else "" */
    char module_class[ARCHIVE_CLASS_SIZE];
};

/**
 * Calls `visitor` for every tensor of a file written by torch.save (any pickle protocol, also the format
 * before torch 1.6) or torch.jit.save (parameters and buffers), in file order, nested dicts flattened. The
 * tensors live in `s`, on the CPU. Executes nothing in the file.
 * @return OK; ERR_IO; ERR_FORMAT if it is neither, or damaged
 */
int archive_read(scope *s, const char *path, struct archive_facts *facts,
                 const struct archive_visitor *visitor);

/** A member of a dict of archive_write; all borrowed. */
struct archive_entry {
    const char *dict;    /* the inner dict that it is in; NULL: the outer one */
    const char *name;    /* its key */
    const tensor *value; /* NULL: `number` */
    int64_t number;
};

/**
 * Writes a dict of dicts as torch.save does; torch.load reads it, with weights_only, too. The members of one
 * inner dict follow one another.
 * @param write  gets the bytes in order; what it returns but OK ends the writing with that status
 */
int archive_write(scope *s, const struct archive_entry *entries, size_t n,
                  int (*write)(void *context, const void *bytes, size_t n), void *context);

#ifdef __cplusplus
}
#endif

#endif
