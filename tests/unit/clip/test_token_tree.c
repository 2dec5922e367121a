/* Token rows as trees: every row is somewhere, its path spells its tokens, and shared tokens are one node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prompt/base/rng.h"
#include "prompt/clip/clip.h"
#include "prompt/clip/token_tree.h"

enum { MAX_TOKENS = 8, MAX_ROWS = 64 };

/* Rows written as texts, a token a letter; all places behind the end hold a token that must not be read. */
struct letters {
    struct token_rows rows;
    int64_t ids[MAX_ROWS * MAX_TOKENS], ends[MAX_ROWS];
};

static const struct token_rows *read_letters(struct letters *out, const char *const *texts)
{
    out->rows = (struct token_rows){.n_tokens = MAX_TOKENS, .ids = out->ids, .ends = out->ends};
    for (int64_t k = 0; texts[k]; k++) {
        const int64_t n = (int64_t)strlen(texts[k]);
        assert_in_range(n, 1, MAX_TOKENS);
        for (int64_t i = 0; i < MAX_TOKENS; i++)
            out->ids[k * MAX_TOKENS + i] = i < n ? texts[k][i] : -1;
        out->ends[k] = n - 1;
        out->rows.n++;
    }
    return &out->rows;
}

/* Whom query i of a tree sees must be the path from a root to `node`: returns its length. */
static int64_t check_path(const struct token_tree *f, const struct tree_mask *asking, int64_t i, int64_t node)
{
    const int32_t *seen = asking->seen + asking->first[i];
    const int64_t n = asking->first[i + 1] - asking->first[i];
    assert_int_equal(n, f->depths[node] + 1);
    assert_in_range(n, 1, asking->n_seen_max);
    for (int64_t d = 0; d < n; d++) {
        assert_in_range(seen[d], d > 0 ? seen[d - 1] + 1 : 0, f->n_nodes - 1); /* parents before children */
        assert_int_equal(f->depths[seen[d]], d);
    }
    assert_int_equal(seen[n - 1], node);
    return n;
}

/* All that must hold of one tree; counts its rows in `n_seen`. */
static void check_tree(const struct token_tree *f, const struct token_rows *rows, int64_t *n_seen)
{
    assert_true(f->n_rows > 0 && f->n_nodes > 0);
    assert_int_equal(f->mask.n_nodes, f->n_nodes);
    assert_int_equal(f->mask.n_queries, f->n_nodes);
    assert_int_equal(f->end_mask.n_nodes, f->n_nodes);
    assert_int_equal(f->end_mask.n_queries, f->n_rows);
    for (int64_t i = 0; i < f->n_nodes; i++) {
        const int64_t n = check_path(f, &f->mask, i, i);
        const int32_t *path = f->mask.seen + f->mask.first[i];
        if (i + 1 < f->n_nodes) /* depth first: the next is a child of this or of one of its ancestors */
            assert_true(f->depths[i + 1] <= n);
        if (n > 1) { /* the path to the parent is the parent's own */
            const int32_t *parents = f->mask.seen + f->mask.first[path[n - 2]];
            assert_memory_equal(path, parents, (size_t)(n - 1) * sizeof *path);
        }
    }
    for (int64_t i = 0; i < f->n_rows; i++) {
        const int64_t row = f->rows[i];
        assert_in_range(row, 0, rows->n - 1);
        n_seen[row]++;
        assert_int_equal(check_path(f, &f->end_mask, i, f->ends[i]), rows->ends[row] + 1);
        const int32_t *path = f->end_mask.seen + f->end_mask.first[i];
        for (int64_t d = 0; d <= rows->ends[row]; d++)
            assert_int_equal(f->tokens[path[d]], rows->ids[row * rows->n_tokens + d]);
    }
}

/* Checks everything; the number of nodes in all trees. */
static int64_t check_all(const struct token_trees *f, const struct token_rows *rows, int64_t max_nodes)
{
    int64_t n_seen[MAX_ROWS] = {0}, n_nodes = 0;
    for (size_t i = 0; i < f->n; i++) {
        check_tree(&f->items[i], rows, n_seen);
        assert_true(f->items[i].n_nodes <= max_nodes || f->items[i].n_rows == 1);
        n_nodes += f->items[i].n_nodes;
    }
    for (int64_t k = 0; k < rows->n; k++)
        assert_int_equal(n_seen[k], 1);
    return n_nodes;
}

static void expect_trees(const char *const *texts, int64_t max_nodes, size_t n_trees, int64_t n_nodes)
{
    struct letters letters;
    struct token_trees f;
    const struct token_rows *rows = read_letters(&letters, texts);
    assert_int_equal(token_trees_create(&f, rows, max_nodes), OK);
    assert_int_equal(f.n, n_trees);
    assert_int_equal(check_all(&f, rows, max_nodes), n_nodes);
    token_trees_free(&f);
    assert_null(f.items);
}
#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---------------------------------------------------------------- one tree */

static void test_token_tree__a_single_row_is_a_chain(void **state)
{
    (void)state;
    expect_trees(TEXTS("abcd"), 100, 1, 4);
    expect_trees(TEXTS("a"), 1, 1, 1);
}

static void test_token_tree__rows_share_their_first_tokens(void **state)
{
    (void)state;
    expect_trees(TEXTS("abcx", "abdx", "zbcx", "abcyx"), 100, 1, 4 + 2 + 4 + 2);
}

static void test_token_tree__a_row_that_begins_another_ends_inside_it(void **state)
{
    (void)state;
    expect_trees(TEXTS("abc", "ab", "abcd", "a"), 100, 1, 4);
}

static void test_token_tree__equal_rows_end_at_one_node_in_their_order(void **state)
{
    (void)state;
    expect_trees(TEXTS("abc", "abc", "x", "abc"), 100, 1, 4);
    struct letters letters;
    struct token_trees f;
    assert_int_equal(token_trees_create(&f, read_letters(&letters, TEXTS("b", "a", "b", "a")), 9), OK);
    const int64_t rows[] = {1, 3, 0, 2}, ends[] = {0, 0, 1, 1};
    assert_memory_equal(f.items[0].rows, rows, sizeof rows);
    assert_memory_equal(f.items[0].ends, ends, sizeof ends);
    token_trees_free(&f);
}

/* Equal tokens behind different ones are not the same. */
static void test_token_tree__only_first_tokens_are_shared(void **state)
{
    (void)state;
    expect_trees(TEXTS("xab", "yab"), 100, 1, 6);
}

/* ---------------------------------------------------------------- several */

static void test_token_tree__no_tree_is_larger_than_asked_but_by_one_row(void **state)
{
    (void)state;
    expect_trees(TEXTS("ab", "cd", "ef"), 4, 2, 6);
    expect_trees(TEXTS("ab", "cd", "ef"), 5, 2, 6);
    expect_trees(TEXTS("ab", "cd", "ef"), 6, 1, 6);
    expect_trees(TEXTS("abcdefgh", "x", "y"), 2, 2, 10); /* a row that is too long stands alone */
    expect_trees(TEXTS("ab", "ac", "ad"), 1, 3, 6);      /* nothing shared over a cut */
    expect_trees(TEXTS("ab", "ac", "ad"), 3, 2, 5);      /* a, b, c and a, d */
    expect_trees(TEXTS("ab", "ab", "ab"), 1, 3, 6);
    expect_trees(TEXTS("ab", "ab", "ab"), 2, 1, 2);
}

/* First tokens of all rows: the distinct ones, or all. */
static int64_t count_prefixes(const struct token_rows *rows, bool distinct)
{
    int64_t n = 0;
    for (int64_t k = 0; k < rows->n; k++)
        for (int64_t d = 0; d <= rows->ends[k]; d++) {
            bool is_new = true;
            for (int64_t j = 0; distinct && j < k; j++)
                if (rows->ends[j] >= d && memcmp(rows->ids + j * MAX_TOKENS, rows->ids + k * MAX_TOKENS,
                                                 (size_t)(d + 1) * sizeof *rows->ids) == 0)
                    is_new = false;
            n += is_new;
        }
    return n;
}

static void test_token_tree__random_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng;
        rng_init(&rng, seed, RNG_INIT, 0, 0);
        char texts[MAX_ROWS][MAX_TOKENS + 1] = {{0}};
        const char *list[MAX_ROWS + 1] = {NULL};
        const uint64_t n = 1 + rng_below(&rng, MAX_ROWS);
        for (uint64_t k = 0; k < n; k++) {
            const uint64_t length = 1 + rng_below(&rng, MAX_TOKENS);
            for (uint64_t i = 0; i < length; i++)
                texts[k][i] = (char)('a' + (char)rng_below(&rng, 3)); /* few letters share much */
            list[k] = texts[k];
        }
        struct letters letters;
        const struct token_rows *rows = read_letters(&letters, list);
        const int64_t n_distinct = count_prefixes(rows, true), n_tokens = count_prefixes(rows, false);
        for (int64_t max_nodes = 1; max_nodes < 2000; max_nodes *= 3) {
            struct token_trees f;
            assert_int_equal(token_trees_create(&f, rows, max_nodes), OK);
            const int64_t n_nodes = check_all(&f, rows, max_nodes);
            assert_in_range(n_nodes, n_distinct, n_tokens);
            assert_true(f.n > 1 || n_nodes == n_distinct);
            token_trees_free(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_tree__a_single_row_is_a_chain),
        cmocka_unit_test(test_token_tree__rows_share_their_first_tokens),
        cmocka_unit_test(test_token_tree__a_row_that_begins_another_ends_inside_it),
        cmocka_unit_test(test_token_tree__equal_rows_end_at_one_node_in_their_order),
        cmocka_unit_test(test_token_tree__only_first_tokens_are_shared),
        cmocka_unit_test(test_token_tree__no_tree_is_larger_than_asked_but_by_one_row),
        cmocka_unit_test(test_token_tree__random_rows),
    };
    return cmocka_run_group_tests_name("token_tree", tests, NULL, NULL);
}
