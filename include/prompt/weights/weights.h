/**
 * The weights of a CLIP model under OpenAI's tensor names, from any kind of file.
 *
 * Reads OpenAI's TorchScript archive; open_clip's state dict (torch.save of any version and protocol, or
 * safetensors); a Hugging Face file or folder (model.safetensors with config.json); shards with their index;
 * our own safetensors. Recognizes, by the names, dicts around the state dict and a prefix of all names. Sizes
 * follow from the tensors. Heads, activation and epsilon come from config.json or open_clip_config.json
 * beside the file, our metadata or the options, and are known for OpenAI's archive (heads = width / 64,
 * QuickGELU, 1e-5); without any of these it is an error. Preprocessing comes from preprocess_cfg of
 * open_clip_config.json, or from processor_config.json and preprocessor_config.json; the default is OpenAI's.
 * Every member of a configuration is understood, known to change nothing, or an error.
 */
#ifndef PROMPT_WEIGHTS_WEIGHTS_H
#define PROMPT_WEIGHTS_WEIGHTS_H

#include "prompt/base/digest.h"
#include "prompt/base/str.h"
#include "prompt/image/preprocess.h"
#include "prompt/nn/safetensors.h"
#include "prompt/weights/dims.h"

enum weights_format { WEIGHTS_OPENAI_ARCHIVE, WEIGHTS_OPEN_CLIP, WEIGHTS_HUGGING_FACE, WEIGHTS_PROMPT };
extern const char *const weights_format_names[4];

/** Settings that the file may lack; 0, NULL or negative: not given. Keys model.* of the configuration. */
struct weights_options {
    int64_t vision_heads;
    int64_t text_heads;
    const char *activation; /* "quick_gelu" or "gelu" */
    double norm_eps;
    const char *image_mean, *image_std; /* as preprocess_parse_channels takes them */
    const char *interpolation, *resize_mode;
    bool accept_unknown; /* pass unknown members of configurations instead of failing */
};

struct weights {
    scope *scope;          /* owned; owns the tensors (CPU, in the file's dtype) */
    struct params tensors; /* OpenAI's names, every tensor of the architecture and nothing else */
    struct clip_dims dims;
    struct preprocess preprocess; /* of pictures, as the model's files say */
    struct str_list accepted;     /* unknown members that options.accept_unknown passed, "vision_cfg.new" */
    enum weights_format format;
    char *path;             /* owned; absolute path of the file of the tensors; for shards: of their index */
    char *prefix;           /* owned; the prefix of all names in the file, "state_dict.module.", or "" */
    struct str_list notes;  /* tensors left out or renamed, a sentence each */
    struct str_list shards; /* absolute paths, sorted; empty for a single file */
    char *merges;           /* owned; the model's own vocabulary, for tokenizer_parse_small; NULL: CLIP's */
    char *words;
    char sha256[DIGEST_HEX_SIZE]; /* set by weights_hash, "" before */
    const char *known_name;     /* "ViT-B/16" if OpenAI published this SHA-256, else NULL; by weights_hash */
    struct safetensors *file;   /* borrowed from `files`: a single file, with its metadata; or NULL */
    struct safetensors **files; /* owned; the mappings behind the tensors */
    size_t n_files;
};

/**
 * Opens a file, an index of shards, a folder, or a hub's cache folder (models--ORG--NAME; refs/main names the
 * snapshot). In a folder it reads the file that belongs to the configuration: with open_clip_config.json
 * only, open_clip_model.safetensors or open_clip_pytorch_model.bin; else model.safetensors and its index
 * first, then open_clip's two, then pytorch_model.bin and its index. The error names all missing, extra and
 * mis-shaped tensors; for another kind of model it names the kind.
 * @param out      owned; weights_close frees it
 * @param parent   scope below which the weights' own scope is opened; NULL: none
 * @param options  may be NULL
 * @return OK; ERR_IO; ERR_FORMAT or ERR_SHAPE naming file and tensors; ERR_USAGE for a wrong option;
 * ERR_MEMORY
 */
int weights_open(struct weights **out, scope *parent, const char *path,
                 const struct weights_options *options);
/** Empty weights (owned) with their own scope. */
int weights_create(struct weights **out, scope *parent);
void weights_close(struct weights *w);
/** Takes the pages of mapped files out of the process's memory, for who has copied what it needs; the tensors
 * stay valid. */
void weights_forget(const struct weights *w);

/**
 * Computes `sha256` and `known_name` (reads all files). For a single file it is the file's SHA-256; for
 * shards it is the SHA-256 of their digests in lower-case hex, each followed by a line feed, sorted by file
 * name: `sha256sum model-*.safetensors | cut -c1-64 | sha256sum`. Does nothing for weights without a file.
 */
int weights_hash(struct weights *w);
/** Sets both from the digest of an earlier weights_hash. */
void weights_accept_hash(struct weights *w, const char hex[DIGEST_HEX_SIZE]);

/** OpenAI's name of the archive with this SHA-256, "ViT-B/16", static; NULL if there is none. */
const char *weights_known_name(const char *sha256);

/**
 * Writes safetensors with OpenAI's names and our metadata (heads, activation, epsilon; preprocessing unless
 * it is OpenAI's; the model's own vocabulary), in the tensors' dtypes. In Python, safetensors.torch.load_file
 * returns a state dict for OpenAI's and open_clip's classes.
 */
int weights_save(const struct weights *w, const char *path);

/**
 * Randomly initialized fp32 weights: CLIP's own initialization (OpenAI's model.py; PyTorch's defaults in the
 * image blocks), but with the logit scale of trained models, ln 100, so that predictions are as sharp as
 * theirs.
 *
 * CLIP's own initialization makes the features of different inputs nearly parallel. `gain` multiplies the
 * weight matrices of all blocks. Number of classes predicted for 34 Caltech images among 100 names (mean
 * cosine of two texts): "tiny" 2 (0.71) at gain 1 and 13 (0.50) at 2; "ViT-B-16" 5 (0.92) at 1, 15 (0.71) at
 * 3, 17 (0.69) at 4.
 *
 * @param arch  "ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336"; for tests "tiny" (CLIP's vocabulary) and
 * "micro" (512 tokens)
 * @param seed  the weights depend only on (arch, seed, gain), not on the number of threads
 * @return OK; ERR_USAGE for an unknown arch or a gain that is not positive and finite; ERR_MEMORY
 */
int weights_init(struct weights **out, scope *parent, const char *arch, uint64_t seed, double gain);
/** The same for any sizes. */
int weights_init_dims(struct weights **out, scope *parent, const struct clip_dims *dims, uint64_t seed,
                      double gain);

/** The published architecture with these sizes ("ViT-B-16"), else "ViT"; static. */
const char *weights_arch_of(const struct clip_dims *dims);

#endif
