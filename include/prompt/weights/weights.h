/**
 * The weights of a CLIP model under OpenAI's tensor names, whatever file they came from.
 *
 * Read are: OpenAI's TorchScript archive; open_clip's state dict (torch.save of any version and protocol, or
 * safetensors); a Hugging Face file or folder (model.safetensors with config.json); shards with their index;
 * our own safetensors. Dicts around the state dict and a prefix of all names are found from the names. Sizes
 * follow from the tensors; heads, activation and epsilon from config.json, open_clip_config.json (beside the
 * file), our metadata or the options; OpenAI's archive is known (heads = width / 64, QuickGELU, 1e-5).
 * Without any of them it is an error. Preprocessing is read likewise, from preprocess_cfg of
 * open_clip_config.json, or processor_config.json and preprocessor_config.json; where no file gives it, it is
 * OpenAI's. Every member of a configuration is understood, known to change nothing, or an error.
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

/** What the file does not say; 0, NULL or negative: not given. Keys model.* of the configuration. */
struct weights_options {
    int64_t vision_heads;
    int64_t text_heads;
    const char *activation; /* "quick_gelu" or "gelu" */
    double norm_eps;
    const char *image_mean, *image_std; /* as preprocess_parse_channels takes them */
    const char *interpolation, *resize_mode;
    bool accept_unknown; /* members of configurations that are not known here */
};

struct weights {
    scope *scope;          /* owns the tensors (CPU, in the file's dtype) */
    struct params tensors; /* OpenAI's names, every tensor of the architecture and nothing else */
    struct clip_dims dims;
    struct preprocess preprocess; /* of pictures, as the model's files say */
    struct str_list accepted;     /* unknown members that options.accept_unknown let pass, "vision_cfg.new" */
    enum weights_format format;
    char *path;   /* absolute path of the file that holds the tensors; of shards, their index */
    char *prefix; /* what was before all of the model's names, "state_dict.module."; "" for nothing */
    struct str_list notes;  /* what was left out or renamed, a sentence each */
    struct str_list shards; /* absolute paths, sorted; none for a single file */
    char *merges;           /* the model's own vocabulary, as tokenizer_parse_small takes it; NULL: CLIP's */
    char *words;
    char sha256[DIGEST_HEX_SIZE]; /* see weights_hash; "" until then */
    const char *known_name;     /* "ViT-B/16" if the SHA-256 is one of OpenAI's, else NULL; by weights_hash */
    struct safetensors *file;   /* a single safetensors file, with its metadata; or NULL */
    struct safetensors **files; /* the mappings behind the tensors, `file` among them */
    size_t n_files;
};

/**
 * Opens a file, an index of shards, a folder, or a hub's cache folder (models--ORG--NAME; refs/main names the
 * snapshot). Of a folder's files the one that belongs to its configuration is read: with
 * open_clip_config.json alone open_clip_model.safetensors or open_clip_pytorch_model.bin; else
 * model.safetensors and its index first, then open_clip's two, then pytorch_model.bin and its index. Missing,
 * extra and mis-shaped tensors are all named in the error; other models are refused by what they are.
 * @param parent   scope below which the weights' own scope is opened; NULL: none
 * @param options  may be NULL
 * @return OK; ERR_IO; ERR_FORMAT or ERR_SHAPE naming file and tensors; ERR_USAGE for a wrong option;
 * ERR_MEMORY
 */
int weights_open(struct weights **out, scope *parent, const char *path,
                 const struct weights_options *options);
/** Empty weights with a scope of their own; weights_close frees them. */
int weights_create(struct weights **out, scope *parent);
void weights_close(struct weights *w);

/**
 * Computes `sha256` and `known_name` (reads all files). Of a single file it is the file's SHA-256; of shards
 * the SHA-256 of their digests in lower-case hex, each with a line break behind it, sorted by file name:
 * `sha256sum model-*.safetensors | cut -c1-64 | sha256sum`. Does nothing for weights that no file holds.
 */
int weights_hash(struct weights *w);

/**
 * Writes safetensors with OpenAI's names and our metadata (heads, activation, epsilon, preprocessing off
 * OpenAI's, a vocabulary of its own), in the tensors' dtypes. From Python: safetensors.torch.load_file gives
 * a state dict for OpenAI's and open_clip's classes.
 */
int weights_save(const struct weights *w, const char *path);

/**
 * Randomly initialized weights in fp32: CLIP's own initialization (OpenAI's model.py; PyTorch's defaults in
 * the image blocks), except that the logit scale is ln 100, where trained models end, so that predictions are
 * as sharp as theirs.
 *
 * CLIP's own initialization makes the features of different inputs nearly parallel. `gain` multiplies the
 * weight matrices of all blocks. Classes predicted for 34 Caltech images among 100 names (cosines of two
 * texts in the mean): "tiny" 2 (0.71) at gain 1 and 13 (0.50) at 2; "ViT-B-16" 5 (0.92) at 1, 15 (0.71) at 3,
 * 17 (0.69) at 4.
 *
 * @param arch  "ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336"; for tests "tiny" (CLIP's vocabulary) and
 * "micro" (512 tokens)
 * @param seed  a file depends on (arch, seed, gain) alone, not on the number of threads
 * @return OK; ERR_USAGE for an unknown arch or a gain that is not positive and finite; ERR_MEMORY
 */
int weights_init(struct weights **out, scope *parent, const char *arch, uint64_t seed, double gain);
/** The same of any sizes. */
int weights_init_dims(struct weights **out, scope *parent, const struct clip_dims *dims, uint64_t seed,
                      double gain);

/** The published architecture of these sizes ("ViT-B-16"), "ViT" if it is none of them. */
const char *weights_arch_of(const struct clip_dims *dims);

#endif
