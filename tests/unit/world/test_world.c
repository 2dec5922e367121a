/* The drawn world: pictures and names are fixed, and pre-training never shows a class of the data sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "prompt/base/digest.h"
#include "prompt/world/world.h"
#include "sets.h"

enum { PX = 32 };

/* ---------------------------------------------------------------- the same on every machine */

/* Recorded on x86-64; gcc 12 and clang 14 agree, with and without optimization and with fused operations
 * available. A change of the stream changes the first: a model trained on the old pictures then belongs to
 * another world. A change of the data sets changes the second: numbers measured on them are then obsolete. */
static const char stream_digest[] = "2f05812068125dc1fee76b4b4dcb6b0c80f144ba4896d8f2bde3155b78c0bed0";
static const char sets_digest[] = "3a23aae315ccf0fce866a70dcd57b03013cece532ecf1f895d4d25ee921e6dce";

static void digest_stream(struct digest *d)
{
    uint8_t rgb[PX * PX * 3];
    struct str caption = {0};
    for (uint64_t i = 0; i < 200; i++) {
        assert_int_equal(world_sample(rgb, &caption, 1, i, PX), OK);
        digest_update(d, rgb, sizeof rgb);
        digest_update(d, str_text(&caption), caption.len + 1);
    }
    str_free(&caption);
}

static void digest_set(struct digest *d, const struct world_set *set, enum world_kind kind)
{
    const struct world_options options = {.kind = kind, .seed = 1, .px = PX};
    uint8_t rgb[PX * PX * 3];
    struct set_class classes[MAX_CLASSES];
    struct str name = {0};
    int n = set_classes(classes, set, kind);
    for (int i = 0; i < n; i++) {
        const struct set_item item = {.class = &classes[i], .part = PART_TRAIN};
        assert_int_equal(set_class_name(&name, set, &classes[i]), OK);
        assert_int_equal(set_item_draw(rgb, set, &item, &options), OK);
        digest_update(d, rgb, sizeof rgb);
        digest_update(d, str_text(&name), name.len + 1);
    }
    str_free(&name);
}

static void test_world__the_stream_is_the_recorded_one(void **state)
{
    (void)state;
    struct digest *d = NULL;
    char hex[DIGEST_HEX_SIZE];
    assert_int_equal(digest_open(&d), OK);
    digest_stream(d);
    assert_int_equal(digest_close(hex, d), OK);
    assert_string_equal(hex, stream_digest);
}

static void test_world__the_data_sets_are_the_recorded_ones(void **state)
{
    (void)state;
    struct digest *d = NULL;
    char hex[DIGEST_HEX_SIZE];
    assert_int_equal(digest_open(&d), OK);
    for (size_t i = 0; i < world_n_sets(); i++)
        for (int kind = WORLD_TEST; kind <= WORLD_SEEN; kind++)
            digest_set(d, &world_sets[i], (enum world_kind)kind);
    assert_int_equal(digest_close(hex, d), OK);
    assert_string_equal(hex, sets_digest);
}

/* Rates are chosen on cameras that the test does not use. */
static void test_world__development_has_cameras_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < world_n_sets(); i++)
        for (size_t k = 0; k < world_n_sets(); k++) {
            struct camera test = world_sets[i].cameras[0], dev = world_sets[k].cameras[1];
            test.unsteady = test.negatives = test.shake = 0.0F; /* matters of degree */
            dev.unsteady = dev.negatives = dev.shake = 0.0F;
            if (memcmp(&test, &dev, sizeof test) == 0)
                fail_msg("%s has in the test the camera of %s in development", world_sets[i].name,
                         world_sets[k].name);
        }
}

static void test_world__a_sample_depends_on_seed_and_index_alone(void **state)
{
    (void)state;
    uint8_t first[PX * PX * 3];
    uint8_t again[PX * PX * 3];
    struct str caption = {0};
    assert_int_equal(world_sample(first, &caption, 1, 7, PX), OK);
    assert_int_equal(world_sample(again, &caption, 1, 8, PX), OK);
    assert_memory_not_equal(first, again, sizeof first);
    assert_int_equal(world_sample(again, &caption, 2, 7, PX), OK);
    assert_memory_not_equal(first, again, sizeof first);
    assert_int_equal(world_sample(again, &caption, 1, 7, PX), OK);
    assert_memory_equal(first, again, sizeof first);
    assert_int_equal(world_sample(again, &caption, 1, 7, WORLD_PX_MAX + 1), ERR_USAGE);
    str_free(&caption);
}

/* ---------------------------------------------------------------- pre-training */

/* Whether the text contains the words, whole. */
static bool holds_words(const char *text, const char *words)
{
    const size_t n = strlen(words);
    for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
        if ((at == text || at[-1] == ' ') && (at[n] == '\0' || strchr(" ,.", at[n])))
            return true;
    return false;
}

/* Whether the text names a value by either of its words. */
static bool names_value(const char *text, enum axis axis, int value)
{
    const struct word *word = &axis_words[axis][value];
    return holds_words(text, word->name) || holds_words(text, word->synonym);
}

static void expect_no_class(const char *caption, const struct world_set *set, enum world_kind kind)
{
    struct set_class classes[MAX_CLASSES];
    int n = set_classes(classes, set, kind);
    for (int i = 0; i < n; i++)
        if (names_value(caption, set->first, classes[i].a) && names_value(caption, set->second, classes[i].b))
            fail_msg("'%s' names a class of %s (%s)", caption, set->name, world_kind_names[kind]);
}

static void test_world__the_stream_holds_no_class_of_a_data_set(void **state)
{
    (void)state;
    struct str caption = {0};
    for (uint64_t i = 0; i < 3000; i++) {
        struct rng r;
        struct sample sample;
        rng_init(&r, 1, RNG_WORLD, STREAM_PICTURE, i);
        sample_draw(&sample, &r);
        assert_false(traits_are_held_out(&sample.scene.traits));
        rng_init(&r, 1, RNG_WORLD, STREAM_CAPTION, i);
        caption_write(&caption, &sample, &r);
        for (size_t k = 0; k < world_n_sets(); k++)
            for (int kind = WORLD_TEST; kind <= WORLD_DEV; kind++)
                expect_no_class(str_text(&caption), &world_sets[k], (enum world_kind)kind);
    }
    str_free(&caption);
    expect_no_class("a photo of a star on sand.", &world_sets[0], WORLD_TEST);
    struct set_class classes[MAX_CLASSES]; /* the check itself must be able to find one */
    assert_true(set_classes(classes, &world_sets[0], WORLD_TEST) > 0);
    assert_true(names_value("a crimson star, a", AXIS_COLOUR, 0) &&
                names_value("a crimson star.", AXIS_EMBLEM, 0));
}

static void test_world__every_word_of_a_class_is_seen_in_pre_training(void **state)
{
    (void)state;
    for (size_t k = 0; k < world_n_sets(); k++) {
        const struct world_set *set = &world_sets[k];
        int n_of_first[MAX_WORDS] = {0}, n_of_second[MAX_WORDS] = {0};
        const int n_first = (int)axis_size(set->first), n_second = (int)axis_size(set->second);
        for (int a = 0; a < n_first; a++) {
            for (int b = 0; b < n_second; b++) {
                const bool is_seen = pair_use(set->first, a, set->second, b) <= PAIR_CONTROL;
                n_of_first[a] += is_seen;
                n_of_second[b] += is_seen;
            }
        }
        for (int a = 0; a < n_first; a++)
            assert_true(n_of_first[a] >= 2);
        for (int b = 0; b < n_second; b++)
            assert_true(n_of_second[b] >= 2);
    }
}

static bool has_word(const struct set_class *classes, int n, int a, int b)
{
    for (int i = 0; i < n; i++)
        if (classes[i].a == a || classes[i].b == b)
            return true;
    return false;
}

static void test_world__a_new_class_has_words_of_base_classes(void **state)
{
    (void)state;
    struct set_class classes[MAX_CLASSES];
    for (size_t k = 0; k < world_n_sets(); k++)
        for (int kind = WORLD_TEST; kind <= WORLD_DEV && world_sets[k].fifths == 5; kind++) {
            const int n = set_classes(classes, &world_sets[k], (enum world_kind)kind), n_base = (n + 1) / 2;
            int n_strange = 0;
            for (int i = n_base; i < n; i++)
                n_strange += !has_word(classes, n_base, classes[i].a, -1) ||
                             !has_word(classes, n_base, -1, classes[i].b);
            assert_true(n_strange <= 1);
        }
}

/* The control of the test: as many classes, each a pair that the stream may draw. */
static void test_world__the_seen_world_has_pairs_of_pre_training(void **state)
{
    (void)state;
    struct set_class classes[MAX_CLASSES];
    for (size_t k = 0; k < world_n_sets(); k++) {
        const struct world_set *set = &world_sets[k];
        const int n_test = set_classes(classes, set, WORLD_TEST);
        const int n = set_classes(classes, set, WORLD_SEEN);
        assert_true(n > n_test - 2 && n < n_test + 2); /* imagenet's variants take fifths */
        for (int i = 0; i < n; i++) {
            struct traits traits;
            for (int axis = 0; axis < N_AXES; axis++)
                traits.value[axis] = -1;
            traits.value[set->first] = classes[i].a;
            traits.value[set->second] = classes[i].b;
            assert_false(traits_are_held_out(&traits));
        }
    }
}

/* ---------------------------------------------------------------- the vocabulary */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Marks the words of a text as used, cut like CLIP's tokenizer; fails for an unknown one. */
static void use_words(bool *used, const char *text)
{
    while (*text) {
        size_t n = 1;
        while (is_letter(text[0]) && is_letter(text[n]))
            n++;
        char word[32] = {0};
        for (size_t i = 0; i < n && i < sizeof word - 1; i++)
            word[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
        size_t k = 0;
        while (world_words()[k] && strcmp(world_words()[k], word) != 0)
            k++;
        if (world_words()[k])
            used[k] = true;
        else if (word[0] != ' ' && word[0] != '_')
            fail_msg("'%s' is not among the words", word);
        text += n;
    }
}

static void test_world__class_names_are_in_the_style_of_each_set(void **state)
{
    (void)state;
    static const char *const first_names[] = {
        "star shield", "striped_star", "smooth_cat",  "Red Sedan",    "red daisy",   "cherry_pizza",
        "Jet-1",       "sunny beach",  "red-striped", "Forest River", "Waving_Ball",
    };
    struct str name = {0};
    struct set_class classes[MAX_CLASSES];
    for (size_t i = 0; i < sizeof first_names / sizeof first_names[0]; i++) {
        assert_true(set_classes(classes, &world_sets[i], WORLD_TEST) > 0);
        assert_int_equal(set_class_name(&name, &world_sets[i], &classes[0]), OK);
        assert_string_equal(str_text(&name), first_names[i]);
    }
    str_free(&name);
}

static void test_world__the_vocabulary_is_what_is_used(void **state)
{
    (void)state;
    static bool used[1000];
    size_t n = 0;
    for (; world_words()[n]; n++)
        assert_true(n == 0 || strcmp(world_words()[n - 1], world_words()[n]) < 0);
    assert_true(n < 1000);
    struct str text = {0};
    struct set_class classes[MAX_CLASSES];
    for (size_t k = 0; k < world_n_sets(); k++) {
        int n_classes = set_classes(classes, &world_sets[k], WORLD_TEST);
        assert_in_range(n_classes, 10, 30);
        for (int i = 0; i < n_classes; i++) {
            assert_int_equal(set_class_name(&text, &world_sets[k], &classes[i]), OK);
            use_words(used, str_text(&text));
        }
    }
    for (uint64_t i = 0; i < 30000; i++) {
        struct rng r;
        struct sample sample;
        rng_init(&r, 1, RNG_WORLD, STREAM_PICTURE, i);
        sample_draw(&sample, &r);
        caption_write(&text, &sample, &r);
        use_words(used, str_text(&text));
    }
    str_free(&text);
    for (size_t k = 0; k < n; k++)
        if (!used[k])
            fail_msg("no caption uses '%s'", world_words()[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_world__the_stream_is_the_recorded_one),
        cmocka_unit_test(test_world__the_data_sets_are_the_recorded_ones),
        cmocka_unit_test(test_world__development_has_cameras_of_its_own),
        cmocka_unit_test(test_world__a_sample_depends_on_seed_and_index_alone),
        cmocka_unit_test(test_world__the_stream_holds_no_class_of_a_data_set),
        cmocka_unit_test(test_world__every_word_of_a_class_is_seen_in_pre_training),
        cmocka_unit_test(test_world__a_new_class_has_words_of_base_classes),
        cmocka_unit_test(test_world__the_seen_world_has_pairs_of_pre_training),
        cmocka_unit_test(test_world__class_names_are_in_the_style_of_each_set),
        cmocka_unit_test(test_world__the_vocabulary_is_what_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
