/*
 * Learns merges from a list of words. Counts all pairs of neighbours again after each merge, by sorting: a
 * few hundred words take a few milliseconds.
 */
#include <stdlib.h>
#include <string.h>

#include "merges.h"
#include "prompt/text/tokenizer.h"

/* A word as the ids of its symbols. */
struct spelled {
    uint32_t *ids;
    size_t n;
};

struct trainer {
    struct spelled *words;
    size_t n_words;
    struct str spellings; /* of all symbols, each ended by NUL */
    size_t *starts;       /* symbol i is the text at spellings[starts[i]] */
    uint32_t n_symbols;
    uint64_t *pairs; /* room for every pair of neighbours: left id, right id */
};

static int refuse(const char *word)
{
    return error_set(ERR_USAGE, "cannot learn the word '%.80s': expected printable ASCII in lower case",
                     word);
}

static int spell(struct spelled *out, const char *word)
{
    const size_t n = strlen(word);
    if (n == 0)
        return refuse(word);
    out->ids = malloc(n * sizeof *out->ids);
    if (!out->ids)
        return error_out_of_memory();
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        const unsigned char byte = (unsigned char)word[i];
        if (byte <= ' ' || byte > '~' || (byte >= 'A' && byte <= 'Z'))
            return refuse(word);
        out->ids[i] = merges_byte_id(byte);
    }
    out->ids[n - 1] += MERGES_N_BYTES;
    return OK;
}

static const char *spelling_of(const struct trainer *t, uint32_t id)
{
    return t->spellings.data + t->starts[id];
}

static void end_symbol(struct trainer *t, size_t start)
{
    str_append_char(&t->spellings, '\0');
    t->starts[t->n_symbols++] = start;
}

/* Adds the bytes as symbols; those that occur in no word may have any spelling. */
static void add_bytes(struct trainer *t)
{
    char spelling[MERGES_N_BYTES] = {0};
    for (int byte = '!'; byte <= '~'; byte++)
        spelling[merges_byte_id((unsigned char)byte)] = (char)byte;
    for (uint32_t id = 0; id < MERGES_FIRST_ID; id++) {
        const size_t start = t->spellings.len;
        str_append_n(&t->spellings, &spelling[id % MERGES_N_BYTES], 1);
        str_append(&t->spellings, id < MERGES_N_BYTES ? "" : "</w>");
        end_symbol(t, start);
    }
}

static int trainer_init(struct trainer *t, const char *const *words)
{
    *t = (struct trainer){0};
    size_t n_bytes = 0;
    while (words[t->n_words])
        n_bytes += strlen(words[t->n_words++]);
    t->words = calloc(t->n_words + 1, sizeof *t->words);
    t->starts = malloc((MERGES_FIRST_ID + n_bytes + 1) * sizeof *t->starts); /* each merge shortens a word */
    t->pairs = malloc((n_bytes + 1) * sizeof *t->pairs);
    int status = t->words && t->starts && t->pairs ? OK : error_out_of_memory();
    for (size_t i = 0; status == OK && i < t->n_words; i++)
        status = spell(&t->words[i], words[i]);
    if (status == OK)
        add_bytes(t);
    return status == OK ? str_status(&t->spellings) : status;
}

static void trainer_deinit(struct trainer *t)
{
    for (size_t i = 0; t->words && i < t->n_words; i++)
        free(t->words[i].ids);
    free(t->words);
    free(t->starts);
    free(t->pairs);
    str_free(&t->spellings);
}

static int compare_pairs(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The most frequent pair (of equal ones the lowest); false if every word is one symbol. */
static bool find_best(uint64_t *best, const struct trainer *t)
{
    size_t n = 0, most = 0;
    for (size_t i = 0; i < t->n_words; i++)
        for (size_t j = 0; j + 1 < t->words[i].n; j++)
            t->pairs[n++] = (uint64_t)t->words[i].ids[j] << 32 | t->words[i].ids[j + 1];
    qsort(t->pairs, n, sizeof *t->pairs, compare_pairs);
    for (size_t i = 0, start = 0; i < n; i++) {
        if (t->pairs[i] != t->pairs[start])
            start = i;
        if (i - start + 1 > most) {
            most = i - start + 1;
            *best = t->pairs[i];
        }
    }
    return n > 0;
}

static void merge_word(struct spelled *w, uint32_t left, uint32_t right, uint32_t merged)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n; n++) {
        const bool is_pair = i + 1 < w->n && w->ids[i] == left && w->ids[i + 1] == right;
        w->ids[n] = is_pair ? merged : w->ids[i];
        i += is_pair ? 2 : 1;
    }
    w->n = n;
}

/* Adds a line to the merges text and a new symbol. */
static void add_merge(struct str *merges, struct trainer *t, uint32_t left, uint32_t right)
{
    str_appendf(merges, "%s %s\n", spelling_of(t, left), spelling_of(t, right));
    const size_t start = t->spellings.len;
    struct str spelling = {0}; /* appending may move the text being appended */
    str_appendf(&spelling, "%s%s", spelling_of(t, left), spelling_of(t, right));
    str_append(&t->spellings, str_text(&spelling));
    t->spellings.failed |= spelling.failed;
    str_free(&spelling);
    for (size_t i = 0; i < t->n_words; i++)
        merge_word(&t->words[i], left, right, t->n_symbols);
    end_symbol(t, start);
}

int tokenizer_train(struct str *merges, const char *const *words)
{
    struct trainer t;
    int status = trainer_init(&t, words);
    str_append(merges, "#version: 0.2\n");
    uint64_t best = 0;
    while (status == OK && find_best(&best, &t)) {
        add_merge(merges, &t, (uint32_t)(best >> 32), (uint32_t)best);
        status = str_status(&t.spellings);
    }
    trainer_deinit(&t);
    return status == OK ? str_status(merges) : status;
}
