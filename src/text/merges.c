/*
 * The vocabulary that follows from merges. Symbols are spelled in the byte alphabet of GPT-2.
 *
 * Stricter than OpenAI's reader: each symbol must be a byte or the product of an earlier merge, and no two
 * merges may have the same product. So a symbol's id is its rank, and merging a pair never makes a pair of
 * higher rank.
 */
#include "merges.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json_write.h"
#include "prompt/base/str.h"
#include "prompt/text/unicode.h"

struct merges_builder {
    struct merges merges;
    struct str spellings; /* of all symbols, end to end */
    size_t *ends;         /* symbol i is spellings[ends[i - 1] .. ends[i]) */
    uint32_t n_symbols;
    uint32_t *table; /* ids + 1 by hash of the spelling; 0: free */
    size_t mask;
};

/* ---------------------------------------------------------------- bytes */

/* GPT-2's order: first the printable bytes, in three runs, then the others. */
uint32_t merges_byte_id(unsigned char byte)
{
    uint32_t b = byte;
    if (b >= '!' && b <= '~')
        return b - '!';
    if (b >= 0xa1 && b <= 0xac)
        return b - 0xa1 + 94;
    if (b >= 0xae)
        return b - 0xae + 106;
    if (b <= ' ')
        return b + 188;
    return b == 0xad ? 255 : b - 0x7f + 221;
}

/* A printable byte is spelled as itself, another as the next code point from U+0100 on. */
static uint32_t byte_spelling(unsigned char byte)
{
    uint32_t id = merges_byte_id(byte);
    return id < 188 ? byte : 256 + id - 188;
}

/* ---------------------------------------------------------------- symbols by spelling */

static struct merges_span spelling_of(const struct merges_builder *p, uint32_t id)
{
    size_t start = id == 0 ? 0 : p->ends[id - 1];
    return (struct merges_span){p->spellings.data + start, p->ends[id] - start};
}

/* The slot of `spelling`, or the free slot for it; FNV-1a. */
static uint32_t *find_slot(const struct merges_builder *p, struct merges_span spelling)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < spelling.n; i++)
        hash = (hash ^ (unsigned char)spelling.data[i]) * UINT64_C(1099511628211);
    for (size_t i = (size_t)(hash ^ (hash >> 32));; i++) {
        uint32_t *slot = &p->table[i & p->mask];
        if (*slot == 0)
            return slot;
        struct merges_span other = spelling_of(p, *slot - 1);
        if (other.n == spelling.n && memcmp(other.data, spelling.data, other.n) == 0)
            return slot;
    }
}

/* Makes the text appended to `spellings` the next symbol; false if its spelling exists already. */
static bool add_symbol(struct merges_builder *p)
{
    uint32_t id = p->n_symbols;
    p->ends[id] = p->spellings.len;
    uint32_t *slot = find_slot(p, spelling_of(p, id));
    if (*slot != 0)
        return false;
    *slot = id + 1;
    p->n_symbols++;
    return true;
}

static int add_bytes(struct merges_builder *p)
{
    uint32_t spellings[MERGES_N_BYTES];
    for (uint32_t b = 0; b < MERGES_N_BYTES; b++)
        spellings[merges_byte_id((unsigned char)b)] = byte_spelling((unsigned char)b);
    for (uint32_t id = 0; id < MERGES_FIRST_ID; id++) {
        unsigned char utf8[UNICODE_MAX_BYTES];
        str_append_n(&p->spellings, (const char *)utf8, unicode_encode(utf8, spellings[id % MERGES_N_BYTES]));
        str_append(&p->spellings, id < MERGES_N_BYTES ? "" : "</w>");
        if (p->spellings.failed)
            return error_out_of_memory();
        add_symbol(p);
    }
    return OK;
}

/* ---------------------------------------------------------------- merges by pair */

static struct merge_slot *find_pair(const struct merges *m, uint32_t left, uint32_t right)
{
    uint64_t hash = (((uint64_t)left << 32) | right) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(hash >> 32);; i++) {
        struct merge_slot *slot = &m->slots[i & m->mask];
        if (slot->id == 0 || (slot->left == left && slot->right == right))
            return slot;
    }
}

uint32_t merges_find(const struct merges *m, uint32_t left, uint32_t right)
{
    const struct merge_slot *slot = find_pair(m, left, right);
    return slot->id == 0 ? MERGES_NONE : slot->id;
}

void merges_free(struct merges *m)
{
    free(m->slots);
    *m = (struct merges){0};
}

/* ---------------------------------------------------------------- building */

static size_t slots_for(size_t n)
{
    size_t n_slots = 1;
    while (n_slots < 2 * n)
        n_slots *= 2;
    return n_slots;
}

int merges_begin(struct merges_builder **out, size_t max_merges)
{
    *out = NULL;
    struct merges_builder *b = calloc(1, sizeof *b);
    if (!b)
        return error_out_of_memory();
    const size_t max_symbols = MERGES_FIRST_ID + max_merges;
    const size_t n_slots = slots_for(max_merges + 1), n_table = slots_for(max_symbols);
    b->merges = (struct merges){.slots = calloc(n_slots, sizeof *b->merges.slots), .mask = n_slots - 1};
    b->mask = n_table - 1;
    b->ends = malloc(max_symbols * sizeof *b->ends);
    b->table = calloc(n_table, sizeof *b->table);
    const int status = b->merges.slots && b->ends && b->table ? add_bytes(b) : error_out_of_memory();
    if (status != OK) {
        merges_end(NULL, b);
        return status;
    }
    *out = b;
    return OK;
}

void merges_end(struct merges *out, struct merges_builder *b)
{
    if (!b)
        return;
    if (out)
        *out = b->merges;
    else
        merges_free(&b->merges);
    str_free(&b->spellings);
    free(b->ends);
    free(b->table);
    free(b);
}

int merges_refuse(const char *problem, struct merges_span found)
{
    enum { SHOWN_MAX = 40 };
    char *shown = str_dup_n(found.data, found.n < SHOWN_MAX ? found.n : SHOWN_MAX);
    if (!shown)
        return ERR_MEMORY;
    struct str quoted = {0};
    json_write_string(&quoted, shown); /* a damaged file's raw bytes must not reach the terminal */
    free(shown);
    int status = error_set(ERR_FORMAT, "%s, found %s", problem, str_text(&quoted));
    str_free(&quoted);
    return status;
}

static int refuse_pair(const char *problem, struct merges_span left, struct merges_span right)
{
    struct str pair = {0};
    str_append_n(&pair, left.data, left.n);
    str_append_char(&pair, ' ');
    str_append_n(&pair, right.data, right.n);
    const int status = merges_refuse(problem, (struct merges_span){str_text(&pair), pair.len});
    str_free(&pair);
    return status;
}

uint32_t merges_id_of(const struct merges_builder *b, struct merges_span spelling)
{
    static const struct merges_span special[2] = {{"<|startoftext|>", 15}, {"<|endoftext|>", 13}};
    for (uint32_t i = 0; i < 2; i++)
        if (spelling.n == special[i].n && memcmp(spelling.data, special[i].data, spelling.n) == 0)
            return b->n_symbols + i;
    return *find_slot(b, spelling) - 1; /* 0 - 1 is MERGES_NONE */
}

uint32_t merges_vocab_size(const struct merges_builder *b)
{
    return b->n_symbols + 2;
}

int merges_add(struct merges_builder *b, struct merges_span left, struct merges_span right)
{
    static const char unknown[] = "expected a byte or a symbol that an earlier line makes";
    const uint32_t left_id = *find_slot(b, left) - 1, right_id = *find_slot(b, right) - 1;
    if (left_id == MERGES_NONE || right_id == MERGES_NONE)
        return merges_refuse(unknown, left_id == MERGES_NONE ? left : right);
    str_append_n(&b->spellings, left.data, left.n);
    str_append_n(&b->spellings, right.data, right.n);
    if (b->spellings.failed)
        return error_out_of_memory();
    const uint32_t id = b->n_symbols;
    if (!add_symbol(b))
        return refuse_pair("expected a merge that makes a new symbol", left, right);
    *find_pair(&b->merges, left_id, right_id) = (struct merge_slot){left_id, right_id, id};
    b->merges.n++;
    return OK;
}
