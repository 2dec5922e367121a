/** What the files of weights share: the tensors of an architecture, their names in a file, heads and
 * activation. */
#ifndef PROMPT_SRC_WEIGHTS_INTERNAL_H
#define PROMPT_SRC_WEIGHTS_INTERNAL_H

#include <stdbool.h>

#include "prompt/base/json.h"
#include "prompt/weights/weights.h"

enum { WEIGHTS_NAME_SIZE = 128 };

/* ---------------------------------------------------------------- weights_specs.c */

/** What a tensor is for; decides how it is initialized. */
enum weight_role {
    WEIGHT_LOGIT_SCALE,
    WEIGHT_TOKENS, /* token embedding */
    WEIGHT_TEXT_POSITIONS,
    WEIGHT_TEXT_PROJECTION,
    WEIGHT_VISION_EMBEDDING, /* class token, positions, projection */
    WEIGHT_PATCHES,
    WEIGHT_NORM_WEIGHT,
    WEIGHT_NORM_BIAS,
    WEIGHT_ATTENTION_IN,
    WEIGHT_ATTENTION_OUT,
    WEIGHT_ATTENTION_BIAS,
    WEIGHT_MLP_IN,
    WEIGHT_MLP_OUT,
    WEIGHT_MLP_IN_BIAS,
    WEIGHT_MLP_OUT_BIAS,
};

/** One tensor of an architecture, under OpenAI's name. */
struct weight_spec {
    char name[WEIGHTS_NAME_SIZE];
    int64_t dims[4];
    size_t n_dims;
    enum weight_role role;
    bool is_vision;
};

struct weight_specs {
    struct weight_spec *items;
    size_t n;
};

/** All tensors of the architecture, in a fixed order (a contract: it numbers the random streams of
 * weights_init). */
int weight_specs_create(struct weight_specs *out, const struct clip_dims *dims);
void weight_specs_free(struct weight_specs *specs);

/* ---------------------------------------------------------------- weights_find.c */

/**
 * The file behind --model: a file, the one of a folder that belongs to its configuration, or the one of the
 * snapshot of a hub's cache folder (models--ORG--NAME). An index of shards (*.index.json) is a file too.
 * @param out  a heap path, absolute
 */
int weights_find_file(char **out, const char *path);

/* ---------------------------------------------------------------- weights_magic.c */

/** ERR_FORMAT, with what it is, if the file's first bytes say that it holds no weights in a format that is
 * read: a pointer of git LFS, a page, GGUF, HDF5, ... */
int weights_refuse_other_formats(const char *path);

/* ---------------------------------------------------------------- weights_raw.c */

/** A tensor under the file's own name. */
struct raw_tensor {
    char *name;     /* owned */
    size_t n_outer; /* bytes of the name that belong to the dicts around the one that holds it */
    tensor *value;  /* NULL if it is of a kind that is not read */
    char *found;    /* then what it is: "is sparse"; owned */
    size_t shard;   /* index of its file */
};

/** All tensors of a file, or of all its shards; `{0}` is empty. */
struct weights_raw {
    struct raw_tensor *items;
    size_t n;
    size_t capacity;
    struct archive_facts facts; /* of the last file */
};

/** Reads a file's tensors behind those of other shards; safetensors are mapped into `w->files`. */
int weights_raw_read(struct weights_raw *raw, struct weights *w, const char *path, size_t shard);
bool weights_raw_has_prefix(const struct weights_raw *raw, const char *prefix);
void weights_raw_free(struct weights_raw *raw);

/* ---------------------------------------------------------------- weights_shards.c */

bool weights_is_index(const char *path);

/** Reads the shards of the index `w->path`, and checks that each tensor is in its shard and in no other. */
int weights_read_shards(struct weights_raw *raw, struct weights *w);

/** SHA-256 over the shards' digests: see weights.h. */
int weights_digest_shards(char hex[DIGEST_HEX_SIZE], const struct weights *w);

/* ---------------------------------------------------------------- weights_unwrap.c */

/**
 * Finds the model among the tensors by the names that all CLIPs have, and puts its tensors into `out`
 * without what is before all names and without open_clip's "text.". What was taken off and what was left
 * out go to `w->prefix` and `w->notes`. Without a model, or with several, the error says what there is.
 */
int weights_unwrap(struct params *out, struct weights *w, const struct weights_raw *raw);

/* ---------------------------------------------------------------- weights_foreign.c */

/** ERR_FORMAT, by the model's name, if the names are of a model that is related to CLIP, but is not one. */
int weights_refuse_other_models(struct weights *w, const struct weights_raw *raw);

/** ERR_FORMAT: what the file holds, when it holds no CLIP. */
int weights_say_what_is_there(const struct weights *w, const struct weights_raw *raw);

/* ---------------------------------------------------------------- weights_names.c */

/** Where a tensor stands in a file: OpenAI's query-key-value weights are three tensors in a Hugging Face
 * file. */
struct weight_source {
    char names[3][WEIGHTS_NAME_SIZE];
    size_t n; /* tensors to be concatenated along the first axis */
    bool is_transposed;
};

void weight_source_of(struct weight_source *out, const char *openai_name, bool is_hugging_face);

/** Prefix of the blocks' names up to the number: "visual.transformer.resblocks.", say. */
const char *weights_block_prefix(bool is_vision, bool is_hugging_face);

/** Buffers that real files carry beside the weights; `attn_mask` also as a block's attribute in old archives.
 */
bool weights_is_passed_over(const char *name);

/* ---------------------------------------------------------------- weights_check.c */

/** Sizes that follow from the tensors: everything but heads, activations and epsilons. */
int weights_infer_dims(struct clip_dims *out, const struct params *raw, bool is_hugging_face);

/** Puts the file's tensors into `out` under OpenAI's names; all missing, extra and mis-shaped ones are named.
 */
int weights_collect(struct params *out, scope *s, const struct params *raw, const struct clip_dims *dims,
                    bool is_hugging_face);

/* ---------------------------------------------------------------- weights_config.c */

#define WEIGHTS_USUAL_NORM_EPS 1e-5 /* PyTorch's default, OpenAI's, open_clip's and Hugging Face's */

/** Where heads, activation and epsilon may be said. */
struct weights_origin {
    const char *path;                /* of the file that holds the tensors */
    const struct metadata *metadata; /* of a safetensors file, or NULL */
    bool is_hugging_face;            /* by its tensors' names */
    bool is_openai_archive;
};

/** What was found about one tower. */
struct weights_tower_facts {
    int64_t n_heads; /* 0: nothing */
    int activation;  /* enum activation; -1: nothing */
    double norm_eps; /* 0: nothing */
};

struct weights_facts {
    struct weights_tower_facts vision;
    struct weights_tower_facts text;
    struct preprocess preprocess; /* OpenAI's where nothing is said */
};

/**
 * What is said of heads, activations, epsilons and preprocessing, and w->accepted and w->notes. In this
 * order: the options; our own metadata; OpenAI's archive, which is known; the configuration beside the file.
 * @param is_ours  set to whether our own metadata are in the file
 */
int weights_read_facts(struct weights_facts *out, bool *is_ours, struct weights *w,
                       const struct weights_origin *origin, const struct weights_options *options);
/** Fills w->dims and w->preprocess; what nobody says of the towers is an error. */
int weights_apply_facts(struct weights *w, const struct weights_facts *facts);

/** Our metadata, from which weights_read_facts reads the same again. */
int weights_metadata(struct metadata *out, const struct weights *w);

/** enum activation of the name; `otherwise` (a status) with a message if it is none of ours. */
int weights_parse_activation(int *out, const char *name, enum status otherwise);

/* ---------------------------------------------------------------- weights_config_files.c */

/** What the options leave to the configuration beside the file. */
struct weights_wanted {
    bool preprocess; /* any of it */
    bool accept_unknown;
    struct str_list *accepted; /* borrowed */
    struct str_list *notes;    /* borrowed */
};

/** Reads the library's configuration that lies beside the file; without one, `out` stays as it is. */
int weights_config_beside(struct weights_facts *out, const struct weights_origin *origin,
                          const struct clip_dims *dims, const struct weights_wanted *wanted);

struct weights_document; /* weights_members.h */

/* ---------------------------------------------------------------- weights_open_clip.c */

int weights_open_clip_towers(struct weights_facts *out, const struct weights_document *d,
                             const struct clip_dims *dims);

/* ---------------------------------------------------------------- weights_hugging_face.c */

int weights_hugging_face_towers(struct weights_facts *out, const struct weights_document *d,
                                const struct clip_dims *dims);

/* ---------------------------------------------------------------- weights_preprocess.c */

/** preprocess_cfg of open_clip_config.json; `out` holds the defaults. */
int weights_open_clip_preprocess(struct preprocess *out, const struct weights_document *d);
/** An image processor's object: the root of preprocessor_config.json, or a member of processor_config.json.
 */
int weights_hugging_face_preprocess(struct preprocess *out, const struct weights_document *d,
                                    const struct json *processor);

/* ---------------------------------------------------------------- weights_preprocess_ours.c */

/** Of our metadata; `*found` is set if they say anything. */
int weights_read_preprocess(struct preprocess *out, bool *found, const struct metadata *m);
/** Sets what is not OpenAI's, so that files with OpenAI's keep their bytes. */
int weights_write_preprocess(struct metadata *out, const struct preprocess *p);
/** The keys model.image_mean, image_std, interpolation, resize_mode over it. */
int weights_apply_preprocess(struct preprocess *out, const struct weights_options *options);

/* ---------------------------------------------------------------- weights_known.c */

/** An archive that OpenAI published. */
struct weights_archive {
    const char *name; /* "ViT-B/16", "RN50" */
    const char *sha256;
};

/** All of them; the last has no name. */
extern const struct weights_archive weights_known_archives[];

/** OpenAI's name of a published archive, NULL if the digest is none of theirs. */
const char *weights_known_name(const char *sha256);

/* ---------------------------------------------------------------- weights_arch.c */

/** The sizes of a named architecture; ERR_USAGE lists the known names. */
int weights_arch_dims(struct clip_dims *out, const char *name);

/* ---------------------------------------------------------------- weights.c */

/** Empty weights with a scope of their own; weights_close frees them. */
int weights_create(struct weights **out, scope *parent);

#endif
