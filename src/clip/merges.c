/*
 * Parser of OpenAI's merges file: a header line with "#version", then one merge a line in rank order, its two
 * symbols spelled in the byte alphabet of GPT-2.
 *
 * Stricter than OpenAI's reader: each symbol must be a byte or the product of an earlier line, and no product
 * may be made twice. So a symbol's id is its rank, and merging one pair never makes a pair of a higher rank.
 */
#include "merges.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/json.h"
#include "prompt/base/str.h"
#include "prompt/clip/unicode.h"

struct span {
    const char *data;
    size_t n;
};

struct parser {
    struct str spellings; /* of all symbols, end to end */
    size_t *ends;         /* symbol i is spellings[ends[i - 1] .. ends[i]) */
    uint32_t n_symbols;
    uint32_t *table; /* ids + 1 by hash of the spelling; 0: free */
    size_t mask;
    const char *name; /* for errors */
    size_t line;
};

/* ---------------------------------------------------------------- bytes */

/* GPT-2's order: the bytes that print come first, in three runs, then the others. */
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

/* A byte that prints is spelled as itself, another as the next of the code points from U+0100 on. */
static uint32_t byte_spelling(unsigned char byte)
{
    uint32_t id = merges_byte_id(byte);
    return id < 188 ? byte : 256 + id - 188;
}

/* ---------------------------------------------------------------- symbols by spelling */

static struct span spelling_of(const struct parser *p, uint32_t id)
{
    size_t start = id == 0 ? 0 : p->ends[id - 1];
    return (struct span){p->spellings.data + start, p->ends[id] - start};
}

/* The slot of `spelling`, or the free one where it belongs; FNV-1a. */
static uint32_t *find_slot(const struct parser *p, struct span spelling)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < spelling.n; i++)
        hash = (hash ^ (unsigned char)spelling.data[i]) * UINT64_C(1099511628211);
    for (size_t i = (size_t)(hash ^ (hash >> 32));; i++) {
        uint32_t *slot = &p->table[i & p->mask];
        if (*slot == 0)
            return slot;
        struct span other = spelling_of(p, *slot - 1);
        if (other.n == spelling.n && memcmp(other.data, spelling.data, other.n) == 0)
            return slot;
    }
}

/* Takes what was appended to `spellings` as the next symbol; false if there is one of that spelling. */
static bool add_symbol(struct parser *p)
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

static int add_bytes(struct parser *p)
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

static int parser_init(struct parser *p, const char *name, size_t max_merges)
{
    *p = (struct parser){.name = name};
    size_t max_symbols = MERGES_FIRST_ID + max_merges;
    size_t n_slots = 1;
    while (n_slots < 2 * max_symbols)
        n_slots *= 2;
    p->mask = n_slots - 1;
    p->ends = malloc(max_symbols * sizeof *p->ends);
    p->table = calloc(n_slots, sizeof *p->table);
    if (!p->ends || !p->table)
        return error_out_of_memory();
    return add_bytes(p);
}

static void parser_deinit(struct parser *p)
{
    str_free(&p->spellings);
    free(p->ends);
    free(p->table);
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

/* ---------------------------------------------------------------- lines */

/* "name:line: <problem>, found <what, quoted and cut>" */
static int line_error(const struct parser *p, const char *problem, struct span found)
{
    enum { SHOWN_MAX = 40 };
    char *shown = str_dup_n(found.data, found.n < SHOWN_MAX ? found.n : SHOWN_MAX);
    if (!shown)
        return ERR_MEMORY;
    struct str quoted = {0};
    json_write_string(&quoted, shown); /* a damaged file's bytes must not reach the terminal as they are */
    free(shown);
    int status = error_set(ERR_FORMAT, "%s:%zu: %s, found %s", p->name, p->line, problem, str_text(&quoted));
    str_free(&quoted);
    return status;
}

static int parse_symbol(uint32_t *out, const struct parser *p, struct span spelling)
{
    uint32_t id_plus_1 = *find_slot(p, spelling);
    if (id_plus_1 == 0)
        return line_error(p, "expected a byte or a symbol that an earlier line makes", spelling);
    *out = id_plus_1 - 1;
    return OK;
}

static int parse_line(struct merges *m, struct parser *p, struct span line)
{
    const char *space = memchr(line.data, ' ', line.n);
    struct span left = {line.data, space ? (size_t)(space - line.data) : 0};
    struct span right = {space ? space + 1 : line.data, space ? line.n - left.n - 1 : 0};
    if (left.n == 0 || right.n == 0 || memchr(right.data, ' ', right.n))
        return line_error(p, "expected two symbols with a space between them", line);
    uint32_t left_id = 0;
    uint32_t right_id = 0;
    int status = parse_symbol(&left_id, p, left);
    if (status == OK)
        status = parse_symbol(&right_id, p, right);
    if (status != OK)
        return status;
    str_append_n(&p->spellings, left.data, left.n);
    str_append_n(&p->spellings, right.data, right.n);
    if (p->spellings.failed)
        return error_out_of_memory();
    uint32_t id = p->n_symbols;
    if (!add_symbol(p))
        return line_error(p, "expected a merge that makes a new symbol", line);
    *find_pair(m, left_id, right_id) = (struct merge_slot){left_id, right_id, id};
    m->n++;
    return OK;
}

/* Cuts the next line from `rest`, without its end; "\r\n" is fine. */
static struct span next_line(struct span *rest)
{
    const char *end = memchr(rest->data, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->data) : rest->n;
    struct span line = {rest->data, n > 0 && rest->data[n - 1] == '\r' ? n - 1 : n};
    size_t used = end ? n + 1 : n;
    rest->data += used;
    rest->n -= used;
    return line;
}

static bool has_version(struct span line)
{
    static const char mark[] = "#version";
    for (size_t i = 0; i + sizeof mark - 1 <= line.n; i++)
        if (memcmp(line.data + i, mark, sizeof mark - 1) == 0)
            return true;
    return false;
}

static int parse_lines(struct merges *m, struct parser *p, struct span rest)
{
    p->line = 1;
    struct span header = next_line(&rest);
    /* OpenAI's reader drops the first line whatever it is: without this check a missing header shifts all ids
     */
    if (!has_version(header))
        return line_error(p, "expected a header with \"#version\"", header);
    while (rest.n > 0 && m->n < MERGES_MAX) {
        p->line++;
        int status = parse_line(m, p, next_line(&rest));
        if (status != OK)
            return status;
    }
    return m->n > 0 ? OK : error_set(ERR_FORMAT, "%s: expected merges after the header, found none", p->name);
}

int merges_parse(struct merges *out, const char *text, size_t n, const char *name)
{
    *out = (struct merges){0};
    size_t max_merges = 1;
    for (size_t i = 0; i < n && max_merges < MERGES_MAX; i++)
        max_merges += text[i] == '\n';
    size_t n_slots = 1;
    while (n_slots < 2 * max_merges)
        n_slots *= 2;
    struct merges m = {.slots = calloc(n_slots, sizeof *m.slots), .mask = n_slots - 1};
    struct parser p = {0};
    int status = m.slots ? parser_init(&p, name, max_merges) : error_out_of_memory();
    if (status == OK)
        status = parse_lines(&m, &p, (struct span){text, n});
    parser_deinit(&p);
    if (status == OK)
        *out = m;
    else
        merges_free(&m);
    return status;
}
