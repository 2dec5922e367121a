/** The words of the world, the axes they lie on, and the pairs that pre-training never sees. */
#ifndef PROMPT_SRC_WORLD_AXES_H
#define PROMPT_SRC_WORLD_AXES_H

#include <stdbool.h>
#include <stddef.h>

enum axis {
    AXIS_COLOUR,
    AXIS_PATTERN,
    AXIS_EMBLEM,
    AXIS_HOLDER,
    AXIS_COAT,
    AXIS_ANIMAL,
    AXIS_VEHICLE,
    AXIS_FLOWER,
    AXIS_FLAVOUR,
    AXIS_FOOD,
    AXIS_PLANE,
    AXIS_SERIES,
    AXIS_WEATHER,
    AXIS_LANDSCAPE,
    AXIS_LAND,
    AXIS_FEATURE,
    AXIS_ACTION,
    AXIS_PROP,
    AXIS_SETTING,
    N_AXES,
};

/* Values of the axes that the drawing code switches on; the order is that of the words in axes.c. */
enum pattern {
    STRIPED,
    DOTTED,
    CHECKERED,
    RINGED,
    ZIGZAG,
    GRIDDED,
    SPECKLED,
    WAVY,
    BLOTCHY,
    WOVEN,
    N_PATTERNS
};
enum coat { COAT_SMOOTH, COAT_TABBY, COAT_SPOTTED, COAT_PATCHED, COAT_MASKED, COAT_SOCKED };
enum weather { SUNNY, CLOUDY, RAINY, SNOWY, FOGGY, STORMY, DUSKY, STARRY };
enum landscape { BEACH, FOREST, MOUNTAIN, CITY, FIELD, DESERT, HARBOR, VILLAGE };
enum land {
    LAND_FOREST,
    LAND_PASTURE,
    LAND_DESERT,
    LAND_SNOW,
    LAND_CROP,
    LAND_MARSH,
    LAND_ROCK,
    LAND_ORCHARD,
};
enum feature { RIVER, HIGHWAY, LAKE, RESIDENTIAL, INDUSTRIAL, RAILWAY };
enum setting { GRASS, SAND, BRICK, WOOD, WATER, SNOW, SKY, NIGHT, STONE, CARPET };

/** A value on an axis: the word of class names, and another one that captions sometimes use. */
struct word {
    const char *name;
    const char *synonym;
};

enum { MAX_WORDS = 10 };

/** Words of an axis; the size is axis_size. */
extern const struct word axis_words[N_AXES][MAX_WORDS];
size_t axis_size(enum axis axis);

/** Which pairs a class list holds. */
enum pair_use {
    PAIR_SEEN,    /* in pre-training, and no class */
    PAIR_CONTROL, /* in pre-training, and classes: as many as the test's, to compare with */
    PAIR_TEST,    /* held out, as the next */
    PAIR_DEV,
};

/**
 * What the pair of value `a` on axis `first` and `b` on `second` is for, in either order. Pairs of the test
 * and of the development world are spread evenly over the words of both axes and never meet in pre-training.
 */
enum pair_use pair_use(enum axis first, int a, enum axis second, int b);

/** A scene's values, one per axis; -1 where the scene has none. */
struct traits {
    int value[N_AXES];
};

/** Whether any two values form a pair that pre-training must not see. */
bool traits_are_held_out(const struct traits *t);

#endif
