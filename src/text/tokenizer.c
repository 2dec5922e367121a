/*
 * Text to token ids, as open_clip's SimpleTokenizer.encode():
 *
 *   clean   ftfy's steps, html.unescape twice, white space collapsed, lower case (clean.c)
 *   split   <start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+,
 *           ignoring case
 *   merge   each piece's UTF-8 bytes, the last marked as the end of a word, by the merges in rank order
 */
#include "prompt/text/tokenizer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "merges.h"
#include "prompt/base/array.h"
#include "prompt/text/unicode.h"

struct tokenizer {
    struct merges merges;
    bool *is_word; /* [start token] whether a token is a word of a small vocabulary; NULL: no restriction */
    size_t n_words;
};

/* ---------------------------------------------------------------- opening */

/* Creates a tokenizer if `status`, of reading the merges, is OK; takes ownership of them in any case. */
static int create(struct tokenizer **out, struct merges *merges, int status)
{
    *out = status == OK ? calloc(1, sizeof **out) : NULL;
    if (status == OK && !*out)
        status = error_out_of_memory();
    if (status == OK)
        (*out)->merges = *merges;
    else
        merges_free(merges);
    return status;
}

int tokenizer_parse(struct tokenizer **out, const char *text, size_t n, const char *name)
{
    struct merges merges;
    const int status = merges_parse(&merges, text, n, name);
    return create(out, &merges, status);
}

int tokenizer_open(struct tokenizer **out, const char *merges_path)
{
    struct merges merges;
    const int status = merges_open(&merges, merges_path);
    return create(out, &merges, status);
}

void tokenizer_free(struct tokenizer *t)
{
    if (t) {
        merges_free(&t->merges);
        free(t->is_word);
    }
    free(t);
}

int64_t tokenizer_start(const struct tokenizer *t)
{
    return MERGES_FIRST_ID + (int64_t)t->merges.n;
}

int64_t tokenizer_end(const struct tokenizer *t)
{
    return tokenizer_start(t) + 1;
}

int64_t tokenizer_vocab_size(const struct tokenizer *t)
{
    return tokenizer_start(t) + 2;
}

/* ---------------------------------------------------------------- split */

static const char start_of_text[] = "<start_of_text>";
static const char end_of_text[] = "<end_of_text>";

enum { LONG_S = 0x17f }; /* the only lower-case code point that equals another if case is ignored */

/* The length of `word` if `in[0..n)` begins with it, else 0. */
static size_t match_word(const uint32_t *in, size_t n, const char *word)
{
    size_t n_word = strlen(word);
    if (n_word > n)
        return 0;
    for (size_t i = 0; i < n_word; i++)
        if (in[i] != (uint32_t)word[i] && !(in[i] == LONG_S && word[i] == 's'))
            return 0;
    return n_word;
}

/* The length of the piece at the start of `in[0..n)`, n > 0; 0 if the first code point belongs to none. */
static size_t match_piece(const uint32_t *in, size_t n)
{
    static const char *const words[] = {start_of_text, end_of_text, "'s",  "'t", "'re",
                                        "'ve",         "'m",        "'ll", "'d"};
    for (size_t i = 0; (in[0] == '<' || in[0] == '\'') && i < sizeof words / sizeof words[0]; i++) {
        size_t n_word = match_word(in, n, words[i]);
        if (n_word > 0)
            return n_word;
    }
    enum unicode_class class = unicode_class(in[0]);
    if (class == UNICODE_SKIPPED)
        return 0;
    size_t end = 1;
    while (class != UNICODE_NUMBER && end < n && unicode_class(in[end]) == class)
        end++;
    return end;
}

/* Whether the piece is `word`, code point for code point. */
static bool is_exactly(const uint32_t *piece, size_t n, const char *word)
{
    if (n != strlen(word))
        return false;
    for (size_t i = 0; i < n; i++)
        if (piece[i] != (uint32_t)word[i])
            return false;
    return true;
}

/* ---------------------------------------------------------------- merge */

/* The symbols of one piece; room for the longest piece of a text. */
struct symbols {
    uint32_t *ids;
    uint32_t *pairs; /* the symbol that ids[i] and ids[i + 1] merge into, or MERGES_NONE */
    size_t n;
};

static void spell_piece(struct symbols *s, const uint32_t *piece, size_t n)
{
    s->n = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char utf8[UNICODE_MAX_BYTES];
        size_t n_bytes = unicode_encode(utf8, piece[i]);
        for (size_t j = 0; j < n_bytes; j++)
            s->ids[s->n++] = merges_byte_id(utf8[j]);
    }
    s->ids[s->n - 1] += MERGES_N_BYTES;
}

/* Merges every pair that makes `best`, from left to right, and looks up the new pairs. */
static void merge_pass(struct symbols *s, uint32_t best, const struct merges *m)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; n++) {
        bool is_merged = s->pairs[i] == best;
        s->ids[n] = is_merged ? best : s->ids[i];
        i += is_merged ? 2 : 1;
        s->pairs[n] = s->pairs[i - 1]; /* still valid unless a neighbour was merged */
    }
    s->n = n;
    for (size_t i = 0; i + 1 < n; i++)
        if (s->ids[i] == best || s->ids[i + 1] == best)
            s->pairs[i] = merges_find(m, s->ids[i], s->ids[i + 1]);
}

static void merge_all(struct symbols *s, const struct merges *m)
{
    for (size_t i = 0; i + 1 < s->n; i++)
        s->pairs[i] = merges_find(m, s->ids[i], s->ids[i + 1]);
    s->pairs[s->n - 1] = MERGES_NONE;
    for (;;) {
        uint32_t best = MERGES_NONE; /* the lowest id has the highest rank */
        for (size_t i = 0; i < s->n; i++)
            best = s->pairs[i] < best ? s->pairs[i] : best;
        if (best == MERGES_NONE)
            return;
        merge_pass(s, best, m);
    }
}

/* ---------------------------------------------------------------- encode */

static int tokens_append(struct tokens *out, const uint32_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (array_grow(&out->ids, out->n, sizeof *out->ids) != OK)
            return ERR_MEMORY;
        out->ids[out->n++] = ids[i];
    }
    return OK;
}

void tokens_free(struct tokens *t)
{
    free(t->ids);
    *t = (struct tokens){0};
}

static int unknown_word(const struct tokenizer *t, const uint32_t *piece, size_t n)
{
    enum { SHOWN_MAX = 40 };
    struct str word = {0};
    for (size_t i = 0; i < n && i < SHOWN_MAX; i++) {
        unsigned char utf8[UNICODE_MAX_BYTES];
        str_append_n(&word, (const char *)utf8, unicode_encode(utf8, piece[i]));
    }
    int status = error_set(ERR_FORMAT, "unknown word '%s': the model's own vocabulary has %zu words",
                           str_text(&word), t->n_words);
    str_free(&word);
    return status;
}

static int encode_piece(struct tokens *out, struct symbols *s, const struct tokenizer *t,
                        const uint32_t *piece, size_t n)
{
    bool is_start = is_exactly(piece, n, start_of_text);
    if (is_start || is_exactly(piece, n, end_of_text)) {
        uint32_t id = (uint32_t)(is_start ? tokenizer_start(t) : tokenizer_end(t));
        return tokens_append(out, &id, 1);
    }
    spell_piece(s, piece, n);
    merge_all(s, &t->merges);
    if (t->is_word && (s->n != 1 || !t->is_word[s->ids[0]]))
        return unknown_word(t, piece, n);
    return tokens_append(out, s->ids, s->n);
}

static int encode_pieces(struct tokens *out, const struct tokenizer *t, const struct codepoints *text)
{
    size_t n_memory = text->n * UNICODE_MAX_BYTES + 1;
    struct symbols s = {.ids = malloc(n_memory * sizeof *s.ids), .pairs = malloc(n_memory * sizeof *s.pairs)};
    int status = s.ids && s.pairs ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < text->n;) {
        size_t n = match_piece(text->data + i, text->n - i);
        if (n > 0)
            status = encode_piece(out, &s, t, text->data + i, n);
        i += n > 0 ? n : 1;
    }
    free(s.ids);
    free(s.pairs);
    return status;
}

int tokenizer_encode(struct tokens *out, const struct tokenizer *t, const char *text)
{
    struct codepoints cleaned;
    int status = clean_text(&cleaned, text);
    if (status != OK)
        return status;
    size_t n_before = out->n;
    status = encode_pieces(out, t, &cleaned);
    if (status != OK)
        out->n = n_before;
    unicode_free(&cleaned);
    return status;
}

int tokenizer_differs_from_transformers(bool *out, const char *text)
{
    struct codepoints ours = {0}, theirs = {0};
    int status = clean_text(&ours, text);
    if (status == OK)
        status = clean_plainly(&theirs, text);
    if (status == OK)
        *out = ours.n != theirs.n ||
               (ours.n > 0 && memcmp(ours.data, theirs.data, ours.n * sizeof *ours.data) != 0);
    unicode_free(&ours);
    unicode_free(&theirs);
    return status;
}

/* ---------------------------------------------------------------- a small vocabulary */

/* Marks `word`, which must be a single token. */
static int mark_word(bool *is_word, struct tokens *memory, const struct tokenizer *t, const char *word)
{
    memory->n = 0;
    int status = tokenizer_encode(memory, t, word);
    if (status == OK && (memory->n != 1 || memory->ids[0] >= tokenizer_start(t)))
        status = error_set(ERR_FORMAT, "the word '%.80s' is not a single token", word);
    if (status == OK)
        is_word[memory->ids[0]] = true;
    return status;
}

/* Restricts the tokenizer to these words. */
static int restrict_to_words(struct tokenizer *t, const char *words)
{
    const size_t n_ids = (size_t)tokenizer_start(t);
    struct tokens memory = {0};
    bool *is_word = calloc(n_ids, sizeof *is_word);
    int status = is_word ? OK : error_out_of_memory();
    while (status == OK && *words != '\0') {
        const size_t n = strcspn(words, "\n");
        char *word = str_dup_n(words, n);
        status = word ? mark_word(is_word, &memory, t, word) : ERR_MEMORY;
        free(word);
        words += n + (words[n] == '\n');
    }
    tokens_free(&memory);
    t->is_word = is_word;
    for (size_t i = 0; is_word && i < n_ids; i++)
        t->n_words += is_word[i];
    return status;
}

int tokenizer_parse_small(struct tokenizer **out, const char *merges, const char *words, const char *name)
{
    int status = tokenizer_parse(out, merges, strlen(merges), name);
    if (status == OK && (status = restrict_to_words(*out, words)) != OK) {
        tokenizer_free(*out);
        *out = NULL;
        status = error_context("%s", name);
    }
    return status;
}
