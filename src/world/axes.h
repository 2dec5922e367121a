/** The words of the world, their axes, and the pairs that pre-training never sees. */
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

/* Values of the axes that the drawing code distinguishes, in the order of the words in axes.c. */
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

/** A value on an axis: its word in class names, and a synonym that captions sometimes use. */
struct word {
    const char *name;
    const char *synonym;
};

enum { MAX_WORDS = 10 };

/** The words of each axis; axis_size is their number. */
extern const struct word axis_words[N_AXES][MAX_WORDS];
size_t axis_size(enum axis axis);

/** The use of a pair of words. */
enum pair_use {
    PAIR_SEEN,    /* in pre-training, not a class */
    PAIR_CONTROL, /* in pre-training, and a class of the control world: as many as the test's */
    PAIR_TEST,    /* held out, like the next */
    PAIR_DEV,
};

/**
 * The use of the pair of value `a` on axis `first` and `b` on `second`, in either order. Pairs of the test
 * and of the development world are spread evenly over the words of both axes and never occur in pre-training.
 */
enum pair_use pair_use(enum axis first, int a, enum axis second, int b);

/** A scene's values, one per axis; -1 where the scene has none. */
struct traits {
    int value[N_AXES];
};

/** Whether any two values form a pair that pre-training must not see. */
bool traits_are_held_out(const struct traits *t);

#endif
