/**
 * CLIP's byte-pair encoding, exactly: ftfy 6.3's steps, HTML entities unescaped twice, white space collapsed,
 * lower case, the pattern of OpenAI's simple_tokenizer.py as in open_clip, merges in rank order. Text that
 * ftfy detects as mojibake is an error.
 *
 * Merges come from OpenAI's bpe_simple_vocab_16e6.txt.gz (48,894 merges used; vocabulary 49,408), or from
 * transformers' merges.txt (with vocab.json) or tokenizer.json.
 */
#ifndef PROMPT_TEXT_TOKENIZER_H
#define PROMPT_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/base/error.h"
#include "prompt/base/str.h"

/**
 * The revision of the text cleaning, kept in records and checkpoints so that runs of two revisions do not
 * mix. 1: without ftfy's steps; 2: with them.
 */
enum { TOKENIZER_REVISION = 2 };

struct tokenizer; /* immutable after opening: threads may share it */

/** Token ids of one text, without start and end tokens. */
struct tokens {
    int64_t *ids;
    size_t n;
};

/**
 * Reads a file of merges: OpenAI's (gzip or plain text), or transformers' merges.txt or tokenizer.json. The
 * vocabulary of tokenizer.json, and of a vocab.json beside merges.txt, must have the merges' order, and all
 * other settings of tokenizer.json must be CLIP's. `*out` is owned; tokenizer_free frees it. ERR_IO;
 * ERR_FORMAT with file, line and key; ERR_MEMORY.
 */
int tokenizer_open(struct tokenizer **out, const char *merges_path);
/**
 * The same from the file's text: a header line with "#version", then one merge per line in rank order, at
 * most 48,894. A model with its own vocabulary carries such a text; its size is 512 + merges + 2. Errors
 * begin with `name`.
 */
int tokenizer_parse(struct tokenizer **out, const char *text, size_t n, const char *name);
/**
 * The tokenizer of a model with a small vocabulary: merges in the format of tokenizer_parse, and the model's
 * words, one per line, each of which must be a single token. For any other word tokenizer_encode fails.
 */
int tokenizer_parse_small(struct tokenizer **out, const char *merges, const char *words, const char *name);
void tokenizer_free(struct tokenizer *t);

/**
 * Byte-pair encoding learned from a list of words (Sennrich et al., ACL 2016): merges the most frequent pair
 * (of equal ones, that with the lower ids) until every word is one token. Appends a merges text.
 * @param words  NULL-terminated; printable ASCII without upper case, else ERR_USAGE names the word
 */
int tokenizer_train(struct str *merges, const char *const *words);

/**
 * Appends the ids of `text` to `out`, which stays as it is on failure. ERR_FORMAT if `text` is not UTF-8, is
 * mojibake (the message shows ftfy's repair), or has a word that is not in a small vocabulary; ERR_MEMORY. As
 * in open_clip, "<start_of_text>" and "<end_of_text>" in a text, in any case, are the special tokens unless
 * other punctuation directly precedes them.
 */
int tokenizer_encode(struct tokens *out, const struct tokenizer *t, const char *text);
void tokens_free(struct tokens *t);

int64_t tokenizer_start(const struct tokenizer *t); /* <|startoftext|>, 49406 */
int64_t tokenizer_end(const struct tokenizer *t);   /* <|endoftext|>, 49407 */
int64_t tokenizer_vocab_size(const struct tokenizer *t);

/**
 * Whether transformers' CLIPTokenizer, which only normalizes to form C, collapses white space and lowers
 * case, cleans `text` to a different text than ours. ERR_FORMAT as tokenizer_encode; ERR_MEMORY.
 */
int tokenizer_differs_from_transformers(bool *out, const char *text);

#endif
