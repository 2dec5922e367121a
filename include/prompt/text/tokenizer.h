/**
 * CLIP's byte-pair encoding, exact: ftfy 6.3's steps, HTML entities unescaped twice, white space collapsed,
 * lower case, the pattern of OpenAI's simple_tokenizer.py as in open_clip, merges in rank order. Text that
 * ftfy takes for mojibake is an error.
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
 * Which cleaning made the ids: records and checkpoints hold it, so that runs of two revisions do not mix.
 * 1: without ftfy's steps; 2: with them.
 */
enum { TOKENIZER_REVISION = 2 };

struct tokenizer; /* immutable after opening: may be shared by threads */

/** Token ids of one text, without start and end tokens. */
struct tokens {
    int64_t *ids;
    size_t n;
};

/**
 * Reads a file of merges: OpenAI's (gzip or plain text), or transformers' merges.txt or tokenizer.json. The
 * vocabulary of tokenizer.json, and of a vocab.json beside merges.txt, must have the merges' order, and what
 * else a tokenizer.json says must be CLIP's. ERR_IO; ERR_FORMAT with file, line and key; ERR_MEMORY.
 */
int tokenizer_open(struct tokenizer **out, const char *merges_path);
/**
 * The same from the file's text: a header line with "#version", then one merge a line in rank order, 48,894
 * at most. A model with a vocabulary of its own carries such a text; its size is 512 + merges + 2. `name`
 * stands in errors.
 */
int tokenizer_parse(struct tokenizer **out, const char *text, size_t n, const char *name);
/**
 * The tokenizer of a model with a small vocabulary: merges as tokenizer_parse reads them, and the words the
 * model knows, one a line, each of which must be a single token. Any other word is an error of
 * tokenizer_encode.
 */
int tokenizer_parse_small(struct tokenizer **out, const char *merges, const char *words, const char *name);
void tokenizer_free(struct tokenizer *t);

/**
 * Byte-pair encoding learned from a list of words (Sennrich et al., ACL 2016): the most frequent pair is
 * merged, of equals the one of lower ids, until every word is one token. Appends a merges text.
 * @param words  NULL-terminated; printable ASCII without upper case; ERR_USAGE names another one
 */
int tokenizer_train(struct str *merges, const char *const *words);

/**
 * Appends the ids of `text` to `out`, which stays as it is on failure. ERR_FORMAT if `text` is no UTF-8, is
 * mojibake (the message shows what ftfy repairs it to), or has a word that a small vocabulary does not know;
 * ERR_MEMORY. As in open_clip, "<start_of_text>" and
 * "<end_of_text>" in a text, in any case, are the special tokens if no other punctuation stands right before
 * them.
 */
int tokenizer_encode(struct tokens *out, const struct tokenizer *t, const char *text);
void tokens_free(struct tokens *t);

int64_t tokenizer_start(const struct tokenizer *t); /* <|startoftext|>, 49406 */
int64_t tokenizer_end(const struct tokenizer *t);   /* <|endoftext|>, 49407 */
int64_t tokenizer_vocab_size(const struct tokenizer *t);

/**
 * Whether the CLIPTokenizer of transformers, which only normalizes to form C, collapses white space and makes
 * letters small, gets another text than ours out of `text`. ERR_FORMAT as tokenizer_encode; ERR_MEMORY.
 */
int tokenizer_differs_from_transformers(bool *out, const char *text);

#endif
