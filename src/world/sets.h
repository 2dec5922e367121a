/**
 * The data sets of a world: their pairs of words, class names and drawing.
 */
#ifndef PROMPT_SRC_WORLD_SETS_H
#define PROMPT_SRC_WORLD_SETS_H

#include "prompt/world/world.h"
#include "scene.h"

/** The arrangement of a set's files. */
enum set_layout {
    SET_SPLIT,    /* images and a split file */
    SET_AIRCRAFT, /* FGVC's lists of variants */
    SET_IMAGENET, /* train and val with one folder per id, and the names */
    SET_VARIANT,  /* one folder per id or label, and the names */
    SET_FOLDER,   /* one folder per class */
};

enum set_part { PART_TRAIN, PART_VAL, PART_TEST, N_PARTS };
extern const char *const set_part_names[N_PARTS];

/**
 * In templates %w and %v are the first and second word, %W and %V the same with capitals, %l the first letter
 * of the second; in paths they lose their spaces, and %n is the picture's number in its class, %g in the set,
 * %i ImageNet's id of the class, %k its label, %p the part.
 */
struct world_set {
    const char *name;
    enum set_layout layout;
    const char *folder;       /* below the root; "." is the root */
    const char *image_folder; /* below that */
    const char *split_file;   /* NULL: the layout has none */
    const char *class_name;   /* template */
    const char *path;         /* template, below the image folder */
    enum subject subject;
    enum axis first, second; /* their held-out pairs are the classes */
    struct difficulty difficulty;
    struct camera cameras[2]; /* of the test, and of the development world */
    int fifths_from, fifths;  /* classes whose id modulo 5 is fifths_from, ..., fifths_from + fifths - 1 */
};

extern const struct world_set world_sets[];
size_t world_n_sets(void);

/** A class: its values on the two axes. */
struct set_class {
    int a, b;
    int label;
    int id; /* index in the family; sets of one family share it */
};

enum { MAX_CLASSES = MAX_WORDS * MAX_WORDS };

/**
 * Fills `out` with the classes in label order; returns their number. The order follows the diagonals of the
 * table of pairs, each of which holds a word at most once: the first half, the base classes, has nearly all
 * words of both axes, and a new class combines words of base classes, except for at most one word.
 */
int set_classes(struct set_class out[MAX_CLASSES], const struct world_set *set, enum world_kind kind);

/** ImageNet's id of a class, "n01440764". */
int set_class_id(struct str *out, const struct set_class *class);
int set_class_name(struct str *out, const struct world_set *set, const struct set_class *class);

/** One picture of a set. */
struct set_item {
    const struct set_class *class;
    enum set_part part;
    int64_t n;      /* number in its class, counted over the parts */
    int64_t number; /* in the set */
};
int set_item_path(struct str *out, const struct world_set *set, const struct set_item *item);

/** Draws the item; rgb [px, px, 3]. */
int set_item_draw(uint8_t *rgb, const struct world_set *set, const struct set_item *item,
                  const struct world_options *options);

#endif
