/* Tables of parts; canvas.h explains the primitives and their numbers. */
#include "shapes.h"

#define SHAPE(...)                                                                                           \
    {                                                                                                        \
        (const struct part[]){__VA_ARGS__}, sizeof((const struct part[]){__VA_ARGS__}) / sizeof(struct part) \
    }

/* ---------------------------------------------------------------- emblems */

static const struct shape emblems[] = {
    SHAPE({MAIN, STAR, {0, 0, 1}}),
    SHAPE({MAIN, DISC, {-0.45F, -0.35F, 0.52F, 0.52F}}, {MAIN, DISC, {0.45F, -0.35F, 0.52F, 0.52F}},
          {MAIN, TRI, {-0.88F, -0.08F, 0.88F, -0.08F, 0, 0.98F}}),
    SHAPE({MAIN, MOON, {-0.05F, 0, 0.95F, 0.42F, -0.1F, 0.78F}}),
    SHAPE({MAIN, BOX, {0, 0, 0.28F, 0.95F}}, {MAIN, BOX, {0, 0, 0.95F, 0.28F}}),
    SHAPE({MAIN, BOX, {-0.4F, 0, 0.6F, 0.2F}}, {MAIN, TRI, {0.05F, -0.75F, 1, 0, 0.05F, 0.75F}}),
    SHAPE({MAIN, RING, {0, 0, 0.7F, 0.24F}}),
    SHAPE({MAIN, RING, {-0.55F, 0, 0.32F, 0.14F}}, {MAIN, BOX, {0.35F, 0, 0.6F, 0.13F}},
          {MAIN, BOX, {0.82F, 0.26F, 0.12F, 0.2F}}, {MAIN, BOX, {0.45F, 0.22F, 0.12F, 0.16F}}),
    SHAPE({MAIN, LENS, {0, -0.15F, 0.85F, 0.46F}}, {STEM, LINE, {0, 0.3F, 0.05F, 1, 0.08F}},
          {STEM, LINE, {0, 0.4F, 0, -0.5F, 0.04F}}),
    SHAPE({MAIN, TRI, {0.3F, -1, -0.62F, 0.2F, 0.2F, 0.2F}},
          {MAIN, TRI, {-0.3F, 1, 0.62F, -0.2F, -0.2F, -0.2F}}),
    SHAPE({MAIN, BOX, {0, 0.55F, 0.85F, 0.25F}}, {MAIN, TRI, {-0.85F, 0.4F, -0.95F, -0.65F, -0.1F, 0.4F}},
          {MAIN, TRI, {0.85F, 0.4F, 0.95F, -0.65F, 0.1F, 0.4F}},
          {MAIN, TRI, {-0.5F, 0.4F, 0, -0.9F, 0.5F, 0.4F}}),
};

/* ---------------------------------------------------------------- holders */

static const struct shape holders[] = {
    SHAPE({MAIN, BOX, {0, -0.4F, 0.8F, 0.55F}}, {MAIN, TRI, {-0.8F, 0.14F, 0.8F, 0.14F, 0, 1}}),
    SHAPE({DARK, LINE, {0, 0.6F, -0.3F, 1.1F, 0.04F}}, {MAIN, TRI, {0, -1, -0.78F, -0.15F, 0.78F, -0.15F}},
          {MAIN, TRI, {-0.78F, -0.15F, 0.78F, -0.15F, 0, 0.85F}}),
    SHAPE({DARK, LINE, {-0.88F, -0.95F, -0.88F, 1, 0.07F}}, {MAIN, BOX, {0.05F, -0.35F, 0.88F, 0.58F}}),
    SHAPE({DARK, RING, {0.72F, 0.02F, 0.3F, 0.09F}}, {MAIN, TRAP, {-0.1F, 0.05F, 0.75F, 0.58F, 0.8F}}),
    SHAPE({DARK, RING, {0, -0.5F, 0.36F, 0.08F}}, {MAIN, TRAP, {0, 0.25F, 0.65F, 0.88F, 0.7F}}),
    SHAPE({LIGHT, BOX, {0.08F, 0.06F, 0.72F, 0.92F}}, {MAIN, BOX, {0, 0, 0.7F, 0.92F}},
          {DARK, BOX, {-0.62F, 0, 0.09F, 0.92F}}),
    SHAPE({DARK, BOX, {0, -0.8F, 0.42F, 0.16F}}, {MAIN, DISC, {0, 0.2F, 0.78F, 0.78F}},
          {MAIN, BOX, {0, -0.5F, 0.36F, 0.2F}}),
    SHAPE({MAIN, BOX, {0, 0.12F, 0.85F, 0.62F}}, {MAIN, DISC, {0, 0.74F, 0.85F, 0.22F}},
          {LIGHT, DISC, {0, -0.52F, 0.85F, 0.28F}}),
    SHAPE({DARK, BOX, {0, 0.6F, 0.08F, 0.35F}}, {DARK, BOX, {0, 0.93F, 0.5F, 0.08F}},
          {MAIN, TRAP, {0, -0.25F, 0.45F, 0.92F, 0.65F}}),
    SHAPE({MAIN, BOX, {0, -0.15F, 0.6F, 0.65F}}, {DARK, BOX, {0, 0.55F, 1, 0.14F}}),
};

static const struct spot spots[] = {
    {0, -0.25F, 0.46F}, {0, -0.15F, 0.4F},     {0.05F, -0.35F, 0.46F}, {-0.1F, 0.02F, 0.44F},
    {0, 0.28F, 0.46F},  {0.08F, -0.02F, 0.5F}, {0, 0.2F, 0.5F},        {0, 0.22F, 0.46F},
    {0, -0.15F, 0.42F}, {0, -0.2F, 0.44F},
};

/* ---------------------------------------------------------------- animals */

static const struct shape animals[] = {
    SHAPE({FOOT, LINE, {-0.5F, 0.4F, -0.5F, 0.9F, 0.1F}}, {FOOT, LINE, {-0.2F, 0.4F, -0.2F, 0.9F, 0.1F}},
          {FOOT, LINE, {0.2F, 0.4F, 0.2F, 0.9F, 0.1F}}, {FOOT, LINE, {0.45F, 0.4F, 0.45F, 0.9F, 0.1F}},
          {MAIN, DISC, {0, 0.25F, 0.7F, 0.36F}}, {MAIN, LINE, {-0.6F, 0.15F, -0.9F, -0.6F, 0.09F}},
          {HEAD, DISC, {0.6F, -0.25F, 0.36F, 0.34F}},
          {HEAD, TRI, {0.28F, -0.35F, 0.32F, -0.85F, 0.58F, -0.5F}},
          {HEAD, TRI, {0.92F, -0.35F, 0.9F, -0.85F, 0.62F, -0.5F}},
          {DARK, DISC, {0.72F, -0.28F, 0.06F, 0.06F}}, {DARK, DISC, {0.5F, -0.28F, 0.06F, 0.06F}}),
    SHAPE({FOOT, LINE, {-0.6F, 0.3F, -0.6F, 0.9F, 0.13F}}, {FOOT, LINE, {-0.3F, 0.3F, -0.3F, 0.9F, 0.13F}},
          {FOOT, LINE, {0.15F, 0.3F, 0.15F, 0.9F, 0.13F}}, {FOOT, LINE, {0.42F, 0.3F, 0.42F, 0.9F, 0.13F}},
          {MAIN, BOX, {-0.1F, 0.15F, 0.68F, 0.32F}}, {MAIN, LINE, {-0.75F, -0.1F, -0.95F, -0.4F, 0.1F}},
          {HEAD, DISC, {0.55F, -0.35F, 0.32F, 0.32F}}, {HEAD, BOX, {0.82F, -0.24F, 0.24F, 0.15F}},
          {DARK, DISC, {0.36F, -0.3F, 0.13F, 0.3F}}, {DARK, DISC, {0.68F, -0.42F, 0.06F, 0.06F}},
          {DARK, DISC, {1, -0.3F, 0.08F, 0.08F}}),
    SHAPE({FOOT, DISC, {-0.3F, 0.82F, 0.36F, 0.14F}}, {FOOT, DISC, {0.4F, 0.82F, 0.22F, 0.13F}},
          {MAIN, DISC, {-0.15F, 0.35F, 0.62F, 0.5F}}, {LIGHT, DISC, {-0.78F, 0.35F, 0.18F, 0.18F}},
          {HEAD, DISC, {0.5F, -0.05F, 0.32F, 0.3F}}, {HEAD, LINE, {0.4F, -0.3F, 0.25F, -0.9F, 0.1F}},
          {HEAD, LINE, {0.58F, -0.3F, 0.6F, -0.92F, 0.1F}}, {DARK, DISC, {0.62F, -0.1F, 0.06F, 0.06F}}),
    SHAPE({FOOT, LINE, {-0.1F, 0.5F, -0.15F, 0.95F, 0.06F}}, {FOOT, LINE, {0.15F, 0.5F, 0.2F, 0.95F, 0.06F}},
          {MAIN, TRI, {-0.5F, 0.1F, -1, -0.25F, -1, 0.35F}}, {MAIN, DISC, {0, 0.15F, 0.62F, 0.42F}},
          {CRUST, TRI, {0.72F, -0.5F, 0.72F, -0.22F, 1.1F, -0.32F}},
          {HEAD, DISC, {0.5F, -0.35F, 0.32F, 0.32F}}, {SECOND, DISC, {-0.15F, 0.12F, 0.36F, 0.2F}},
          {DARK, DISC, {0.6F, -0.4F, 0.07F, 0.07F}}),
    SHAPE({FOOT, TRI, {-0.45F, 0, -1, -0.55F, -1, 0.55F}},
          {FOOT, TRI, {-0.2F, -0.3F, 0.3F, -0.3F, -0.1F, -0.75F}},
          {FOOT, TRI, {-0.1F, 0.3F, 0.3F, 0.3F, 0, 0.7F}}, {MAIN, DISC, {0.1F, 0, 0.75F, 0.45F}},
          {HEAD, MOON, {0.45F, 0, 0.42F, -0.05F, 0, 0.42F}}, {LIGHT, DISC, {0.58F, -0.1F, 0.1F, 0.1F}},
          {DARK, DISC, {0.6F, -0.1F, 0.06F, 0.06F}}),
    SHAPE({FOOT, LINE, {-0.8F, 0.75F, 0.75F, 0.75F, 0.15F}}, {HEAD, LINE, {0.75F, 0.75F, 0.8F, 0.1F, 0.14F}},
          {HEAD, LINE, {0.8F, 0.1F, 0.62F, -0.35F, 0.05F}}, {HEAD, LINE, {0.8F, 0.1F, 1, -0.35F, 0.05F}},
          {MAIN, DISC, {-0.1F, 0.1F, 0.65F, 0.62F}}, {DARK, RING, {-0.08F, 0.12F, 0.32F, 0.05F}}),
    SHAPE({FOOT, LINE, {-0.5F, 0.5F, -0.55F, 0.85F, 0.14F}}, {FOOT, LINE, {0.3F, 0.5F, 0.35F, 0.85F, 0.14F}},
          {HEAD, DISC, {0.82F, 0.2F, 0.24F, 0.2F}}, {FOOT, BOX, {-0.1F, 0.5F, 0.78F, 0.12F}},
          {MAIN, MOON, {-0.1F, 0.5F, 0.72F, -0.1F, 1.5F, 1}}, {DARK, DISC, {0.9F, 0.15F, 0.05F, 0.05F}}),
    SHAPE({FOOT, BOX, {-0.6F, 0.6F, 0.17F, 0.35F}}, {FOOT, BOX, {-0.2F, 0.6F, 0.15F, 0.35F}},
          {FOOT, BOX, {0.2F, 0.6F, 0.15F, 0.35F}}, {MAIN, DISC, {-0.2F, 0.05F, 0.75F, 0.55F}},
          {HEAD, DISC, {0.55F, -0.25F, 0.36F, 0.36F}}, {HEAD, LINE, {0.82F, -0.2F, 0.88F, 0.55F, 0.1F}},
          {SECOND, DISC, {0.35F, -0.25F, 0.24F, 0.34F}}, {DARK, DISC, {0.68F, -0.35F, 0.06F, 0.06F}}),
};

/* ---------------------------------------------------------------- vehicles */

#define WHEEL(x, y, r)                                                                                       \
    {DARK, DISC, {x, y, r, r}},                                                                              \
    {                                                                                                        \
        LIGHT, DISC,                                                                                         \
        {                                                                                                    \
            x, y, r * 0.45F, r * 0.45F                                                                       \
        }                                                                                                    \
    }

static const struct shape vehicles[] = {
    SHAPE({MAIN, BOX, {0, 0.2F, 1, 0.22F}}, {MAIN, TRAP, {-0.05F, -0.2F, 0.4F, 0.68F, 0.25F}},
          {GLASS, TRAP, {-0.05F, -0.19F, 0.32F, 0.52F, 0.16F}}, WHEEL(-0.58F, 0.42F, 0.22F),
          WHEEL(0.58F, 0.42F, 0.22F)),
    SHAPE({MAIN, BOX, {-0.12F, -0.1F, 0.82F, 0.5F}}, {MAIN, BOX, {0.75F, 0.15F, 0.25F, 0.25F}},
          {GLASS, BOX, {0.45F, -0.25F, 0.2F, 0.18F}}, WHEEL(-0.55F, 0.45F, 0.22F),
          WHEEL(0.55F, 0.45F, 0.22F)),
    SHAPE({LIGHT, BOX, {-0.35F, -0.15F, 0.62F, 0.5F}}, {MAIN, BOX, {0.65F, 0, 0.32F, 0.4F}},
          {MAIN, BOX, {0, 0.35F, 1, 0.1F}}, {GLASS, BOX, {0.72F, -0.15F, 0.18F, 0.15F}},
          WHEEL(-0.65F, 0.5F, 0.2F), WHEEL(-0.2F, 0.5F, 0.2F), WHEEL(0.65F, 0.5F, 0.2F)),
    SHAPE({MAIN, BOX, {0, -0.05F, 1, 0.52F}}, {GLASS, BOX, {-0.7F, -0.25F, 0.17F, 0.16F}},
          {GLASS, BOX, {-0.28F, -0.25F, 0.17F, 0.16F}}, {GLASS, BOX, {0.14F, -0.25F, 0.17F, 0.16F}},
          {GLASS, BOX, {0.65F, -0.2F, 0.24F, 0.22F}}, WHEEL(-0.6F, 0.5F, 0.18F), WHEEL(0.55F, 0.5F, 0.18F)),
    SHAPE({MAIN, BOX, {0, 0.1F, 0.9F, 0.28F}}, {DARK, BOX, {-0.1F, -0.6F, 0.55F, 0.06F}},
          {DARK, BOX, {-0.6F, -0.35F, 0.05F, 0.25F}}, {DARK, BOX, {0.4F, -0.35F, 0.05F, 0.25F}},
          {DARK, BOX, {-0.1F, -0.35F, 0.04F, 0.25F}}, WHEEL(-0.55F, 0.42F, 0.28F),
          WHEEL(0.55F, 0.42F, 0.28F)),
    SHAPE({MAIN, BOX, {0.4F, 0.1F, 0.5F, 0.2F}}, {DARK, BOX, {0.6F, -0.3F, 0.06F, 0.3F}},
          {MAIN, BOX, {-0.35F, -0.5F, 0.42F, 0.08F}}, {MAIN, BOX, {-0.3F, -0.1F, 0.32F, 0.4F}},
          {GLASS, BOX, {-0.3F, -0.2F, 0.24F, 0.2F}}, WHEEL(-0.45F, 0.4F, 0.46F), WHEEL(0.65F, 0.55F, 0.27F)),
    SHAPE({DARK, LINE, {0, -0.4F, 0.35F, -0.9F, 0.04F}}, {DARK, LINE, {-0.9F, -0.9F, 0.9F, -0.9F, 0.03F}},
          {MAIN, TRAP, {0, 0, 0.85F, 1, 0.42F}}, {LIGHT, BOX, {0, 0.22F, 0.95F, 0.08F}},
          {GLASS, BOX, {-0.45F, -0.12F, 0.25F, 0.18F}}, {GLASS, BOX, {0.15F, -0.12F, 0.25F, 0.18F}},
          {DARK, BOX, {-0.5F, 0.5F, 0.25F, 0.1F}}, {DARK, BOX, {0.5F, 0.5F, 0.25F, 0.1F}}),
    SHAPE({MAIN, TRI, {-1, 0.35F, 1.05F, 0.35F, -0.85F, -0.15F}}, {MAIN, BOX, {0, 0.25F, 1, 0.1F}},
          {GLASS, TRI, {-0.2F, 0, 0.1F, 0, -0.25F, -0.35F}}, {DARK, BOX, {-0.9F, -0.35F, 0.2F, 0.06F}},
          {DARK, BOX, {-0.85F, -0.2F, 0.04F, 0.15F}}, WHEEL(-0.6F, 0.38F, 0.25F), WHEEL(0.55F, 0.38F, 0.22F)),
};

/* ---------------------------------------------------------------- flowers */

#define STALK                                                                                                \
    {STEM, LINE, {0, 0, 0.05F, 1.1F, 0.06F}},                                                                \
    {                                                                                                        \
        STEM, LINE,                                                                                          \
        {                                                                                                    \
            0.03F, 0.8F, 0.4F, 0.5F, 0.08F                                                                   \
        }                                                                                                    \
    }

static const struct shape flowers[] = {
    SHAPE(STALK, {MAIN, LINE, {0, -0.9F, 0, 0.4F, 0.1F}}, {MAIN, LINE, {-0.65F, -0.25F, 0.65F, -0.25F, 0.1F}},
          {MAIN, LINE, {-0.46F, -0.71F, 0.46F, 0.21F, 0.1F}},
          {MAIN, LINE, {-0.46F, 0.21F, 0.46F, -0.71F, 0.1F}}, {CRUST, DISC, {0, -0.25F, 0.22F, 0.22F}}),
    SHAPE(STALK, {MAIN, DISC, {0, -0.2F, 0.48F, 0.45F}},
          {MAIN, TRI, {-0.48F, -0.2F, -0.5F, -0.95F, 0, -0.3F}},
          {MAIN, TRI, {0.48F, -0.2F, 0.5F, -0.95F, 0, -0.3F}},
          {MAIN, TRI, {-0.3F, -0.3F, 0, -0.95F, 0.3F, -0.3F}}),
    SHAPE(STALK, {MAIN, DISC, {0, -0.25F, 0.65F, 0.6F}}, {SECOND, RING, {0, -0.25F, 0.45F, 0.05F}},
          {SECOND, RING, {0.03F, -0.27F, 0.25F, 0.05F}}, {SECOND, DISC, {0.03F, -0.27F, 0.08F, 0.08F}}),
    SHAPE(STALK, {MAIN, DISC, {-0.36F, -0.3F, 0.42F, 0.4F}}, {MAIN, DISC, {0.36F, -0.3F, 0.42F, 0.4F}},
          {MAIN, DISC, {0, -0.6F, 0.4F, 0.36F}}, {MAIN, DISC, {0, 0.05F, 0.4F, 0.34F}},
          {DARK, DISC, {0, -0.28F, 0.2F, 0.2F}}),
    SHAPE(STALK, {MAIN, TRI, {-0.2F, -0.25F, 0.2F, -0.25F, 0, -1.05F}},
          {MAIN, TRI, {-0.2F, -0.25F, 0.2F, -0.25F, 0, 0.55F}},
          {MAIN, TRI, {0, -0.45F, 0, -0.05F, 0.8F, -0.25F}},
          {MAIN, TRI, {0, -0.45F, 0, -0.05F, -0.8F, -0.25F}},
          {MAIN, TRI, {-0.15F, -0.1F, 0.15F, -0.4F, 0.6F, 0.35F}},
          {MAIN, TRI, {-0.15F, -0.1F, 0.15F, -0.4F, -0.6F, -0.85F}},
          {MAIN, TRI, {-0.15F, -0.4F, 0.15F, -0.1F, 0.6F, -0.85F}},
          {MAIN, TRI, {-0.15F, -0.4F, 0.15F, -0.1F, -0.6F, 0.35F}}, {DARK, DISC, {0, -0.25F, 0.38F, 0.38F}}),
    SHAPE(STALK, {MAIN, TRI, {-0.22F, -0.1F, 0.22F, -0.1F, 0, -1}},
          {MAIN, TRI, {0, -0.3F, 0.15F, 0.12F, 0.85F, -0.6F}},
          {MAIN, TRI, {0, -0.3F, -0.15F, 0.12F, -0.85F, -0.6F}},
          {MAIN, TRI, {0, -0.25F, 0, 0.15F, 0.75F, 0.35F}}, {MAIN, TRI, {0, -0.25F, 0, 0.15F, -0.75F, 0.35F}},
          {CRUST, LINE, {0, -0.1F, -0.15F, -0.5F, 0.04F}}, {CRUST, LINE, {0, -0.1F, 0.15F, -0.5F, 0.04F}}),
    SHAPE(STALK, {MAIN, DISC, {-0.38F, -0.1F, 0.36F, 0.36F}}, {MAIN, DISC, {0.38F, -0.1F, 0.36F, 0.36F}},
          {MAIN, DISC, {0, -0.62F, 0.36F, 0.36F}}, {LIGHT, DISC, {0, -0.25F, 0.12F, 0.12F}}),
    SHAPE({STEM, LINE, {0, -0.6F, 0, 1.1F, 0.05F}}, {STEM, LINE, {0, 0.9F, 0.4F, 0.5F, 0.06F}},
          {STEM, LINE, {0, 0.9F, -0.4F, 0.5F, 0.06F}}, {MAIN, DISC, {0, -0.9F, 0.1F, 0.12F}},
          {MAIN, DISC, {-0.14F, -0.62F, 0.14F, 0.13F}}, {MAIN, DISC, {0.14F, -0.62F, 0.14F, 0.13F}},
          {MAIN, DISC, {-0.18F, -0.32F, 0.17F, 0.14F}}, {MAIN, DISC, {0.18F, -0.32F, 0.17F, 0.14F}},
          {MAIN, DISC, {-0.21F, 0, 0.18F, 0.14F}}, {MAIN, DISC, {0.21F, 0, 0.18F, 0.14F}},
          {MAIN, DISC, {-0.2F, 0.3F, 0.16F, 0.12F}}, {MAIN, DISC, {0.2F, 0.3F, 0.16F, 0.12F}}),
};

/* ---------------------------------------------------------------- food */

static const struct shape foods[] = {
    SHAPE({CRUST, DISC, {0, 0, 1, 1}}, {MAIN, DISC, {0, 0, 0.82F, 0.82F}},
          {DARK, DISC, {-0.35F, -0.3F, 0.16F, 0.16F}}, {DARK, DISC, {0.35F, -0.2F, 0.16F, 0.16F}},
          {DARK, DISC, {0, 0.4F, 0.16F, 0.16F}}, {LIGHT, DISC, {-0.45F, 0.25F, 0.12F, 0.12F}},
          {LIGHT, DISC, {0.1F, -0.6F, 0.12F, 0.12F}}),
    SHAPE({CRUST, RING, {0, 0.06F, 0.65F, 0.33F}}, {MAIN, RING, {0, 0, 0.64F, 0.25F}}),
    SHAPE({LIGHT, DISC, {0, 0.8F, 1, 0.16F}}, {CRUST, BOX, {0, 0.6F, 0.75F, 0.18F}},
          {MAIN, BOX, {0, 0.15F, 0.75F, 0.28F}}, {CRUST, BOX, {0, -0.25F, 0.75F, 0.14F}},
          {MAIN, BOX, {0, -0.55F, 0.75F, 0.18F}}, {DARK, DISC, {0, -0.85F, 0.14F, 0.14F}}),
    SHAPE({MAIN, TRI, {-0.9F, -0.45F, 0.9F, -0.45F, 0, 0.95F}}, {CRUST, BOX, {0, -0.55F, 1, 0.2F}}),
    SHAPE({MAIN, DISC, {0, 0, 0.85F, 0.85F}}, {DARK, BOX, {-0.3F, -0.35F, 0.12F, 0.12F}},
          {DARK, BOX, {0.3F, -0.4F, 0.12F, 0.12F}}, {DARK, BOX, {0.45F, 0.2F, 0.12F, 0.12F}},
          {DARK, BOX, {-0.1F, 0.15F, 0.12F, 0.12F}}, {DARK, BOX, {-0.5F, 0.3F, 0.12F, 0.12F}},
          {DARK, BOX, {0.1F, 0.6F, 0.12F, 0.12F}}),
    SHAPE({CRUST, DISC, {0, 0, 0.8F, 0.8F}}, {MAIN, RING, {0, 0, 0.58F, 0.09F}},
          {MAIN, RING, {0.04F, 0.02F, 0.3F, 0.09F}}, {CRUST, BOX, {0.35F, 0.45F, 0.4F, 0.12F}}),
    SHAPE({CRUST, DISC, {0, -0.15F, 0.85F, 0.6F}}, {CRUST, BOX, {0, 0.62F, 0.8F, 0.18F}},
          {STEM, BOX, {0, 0.02F, 0.92F, 0.1F}}, {MAIN, BOX, {0, 0.25F, 0.9F, 0.18F}}),
    SHAPE({CRUST, TRI, {-0.48F, 0, 0.48F, 0, 0, 1.05F}}, {MAIN, DISC, {0, -0.3F, 0.6F, 0.5F}},
          {MAIN, DISC, {0, -0.65F, 0.36F, 0.34F}}),
};

/* ---------------------------------------------------------------- planes */

static const struct shape planes[] = {
    SHAPE({MAIN, TRI, {-0.05F, -0.1F, -0.35F, -0.1F, -0.6F, -1}},
          {MAIN, TRI, {0.35F, 0, -0.2F, 0, -0.6F, -0.95F}}, {MAIN, TRI, {0.35F, 0, -0.2F, 0, -0.6F, 0.95F}},
          {MARK, TRI, {-0.5F, 0, -0.95F, -0.45F, -0.8F, 0}}, {MARK, TRI, {-0.5F, 0, -0.95F, 0.45F, -0.8F, 0}},
          {LIGHT, LINE, {-0.85F, 0, 0.85F, 0, 0.15F}}, {MARK, BOX, {0.1F, 0, 0.12F, 0.14F}},
          {GLASS, DISC, {0.78F, 0, 0.1F, 0.08F}}),
    SHAPE({MAIN, BOX, {0.2F, 0, 0.1F, 1.05F}}, {MARK, BOX, {0.2F, -0.85F, 0.1F, 0.22F}},
          {MARK, BOX, {0.2F, 0.85F, 0.1F, 0.22F}}, {MARK, BOX, {-0.8F, 0, 0.09F, 0.32F}},
          {LIGHT, LINE, {-0.85F, 0, 0.7F, 0, 0.08F}}, {GLASS, DISC, {0.55F, 0, 0.12F, 0.06F}}),
    SHAPE({MARK, BOX, {-0.85F, -0.2F, 0.14F, 0.3F}}, {LIGHT, LINE, {-0.85F, 0.1F, 0.7F, 0.1F, 0.17F}},
          {MAIN, BOX, {0.2F, -0.45F, 0.45F, 0.09F}}, {MAIN, BOX, {0.15F, 0.4F, 0.45F, 0.09F}},
          {DARK, BOX, {-0.1F, -0.05F, 0.03F, 0.4F}}, {DARK, BOX, {0.45F, -0.05F, 0.03F, 0.4F}},
          {DARK, BOX, {0.92F, 0.1F, 0.04F, 0.4F}}, {MARK, BOX, {-0.3F, 0.1F, 0.12F, 0.16F}}),
    SHAPE({MAIN, TRI, {0.75F, 0, -0.8F, -0.9F, -0.8F, 0.9F}},
          {MARK, TRI, {-0.55F, -0.8F, -0.8F, -0.9F, -0.8F, -0.3F}},
          {MARK, TRI, {-0.55F, 0.8F, -0.8F, 0.9F, -0.8F, 0.3F}}, {LIGHT, LINE, {-0.75F, 0, 0.75F, 0, 0.17F}},
          {MARK, BOX, {-0.55F, 0, 0.2F, 0.12F}}, {DARK, DISC, {0.85F, 0, 0.12F, 0.1F}}),
    SHAPE({DARK, BOX, {0.2F, -0.72F, 0.85F, 0.05F}}, {DARK, BOX, {0.2F, -0.55F, 0.05F, 0.18F}},
          {MAIN, LINE, {0, 0, -0.85F, -0.15F, 0.09F}},
          {MARK, TRI, {-0.75F, -0.1F, -1.05F, -0.6F, -0.95F, 0.1F}},
          {MAIN, DISC, {0.25F, 0.05F, 0.55F, 0.42F}}, {MARK, BOX, {0.15F, 0.2F, 0.4F, 0.1F}},
          {GLASS, DISC, {0.5F, -0.02F, 0.24F, 0.22F}}, {DARK, LINE, {-0.2F, 0.68F, 0.8F, 0.68F, 0.05F}}),
    SHAPE({MARK, TRI, {-0.5F, 0.9F, -0.2F, 0.2F, 0, 0.75F}}, {MARK, TRI, {0.5F, 0.9F, 0.2F, 0.2F, 0, 0.75F}},
          {MAIN, LENS, {0, -0.05F, 0.98F, 0.36F}}, {MARK, BOX, {0, -0.1F, 0.36F, 0.12F}},
          {GLASS, DISC, {0, -0.42F, 0.13F, 0.13F}}, {CRUST, TRI, {-0.16F, 0.8F, 0.16F, 0.8F, 0, 1.15F}}),
    SHAPE({MARK, TRI, {-0.65F, 0, -1, -0.55F, -1, 0.55F}}, {MAIN, DISC, {0.05F, -0.05F, 0.9F, 0.46F}},
          {MARK, BOX, {0.05F, -0.05F, 0.5F, 0.1F}}, {DARK, BOX, {0.1F, 0.5F, 0.28F, 0.12F}}),
    SHAPE({MAIN, LINE, {-0.6F, -0.6F, 0.6F, 0.6F, 0.08F}}, {MAIN, LINE, {-0.6F, 0.6F, 0.6F, -0.6F, 0.08F}},
          {DARK, RING, {-0.65F, -0.65F, 0.26F, 0.07F}}, {DARK, RING, {0.65F, -0.65F, 0.26F, 0.07F}},
          {DARK, RING, {-0.65F, 0.65F, 0.26F, 0.07F}}, {DARK, RING, {0.65F, 0.65F, 0.26F, 0.07F}},
          {MARK, BOX, {0, 0, 0.3F, 0.24F}}),
};

/* ---------------------------------------------------------------- props */

static const struct shape props[] = {
    SHAPE({MAIN, DISC, {0, 0, 0.8F, 0.8F}}, {SECOND, BOX, {0, 0, 0.76F, 0.1F}}),
    SHAPE({MAIN, RING, {0, 0, 0.9F, 0.13F}}),
    SHAPE({MAIN, BOX, {0, 0, 0.8F, 0.8F}}, {SECOND, LINE, {-0.7F, -0.7F, 0.7F, 0.7F, 0.08F}},
          {SECOND, LINE, {-0.7F, 0.7F, 0.7F, -0.7F, 0.08F}}),
    SHAPE({MAIN, LINE, {-0.4F, 1.5F, 0.4F, -1.5F, 0.12F}}),
    SHAPE({DARK, LINE, {0, -0.6F, 0, 0.7F, 0.06F}}, {MAIN, DISC, {0, -1.2F, 0.6F, 0.75F}},
          {LIGHT, DISC, {-0.2F, -1.45F, 0.12F, 0.16F}}),
    SHAPE({MAIN, LINE, {-0.4F, -1.4F, -0.4F, 1.4F, 0.1F}}, {MAIN, LINE, {0.4F, -1.4F, 0.4F, 1.4F, 0.1F}},
          {MAIN, BOX, {0, -0.9F, 0.4F, 0.09F}}, {MAIN, BOX, {0, -0.3F, 0.4F, 0.09F}},
          {MAIN, BOX, {0, 0.3F, 0.4F, 0.09F}}, {MAIN, BOX, {0, 0.9F, 0.4F, 0.09F}}),
};

static const struct shape *const tables[N_AXES] = {
    [AXIS_EMBLEM] = emblems, [AXIS_HOLDER] = holders, [AXIS_ANIMAL] = animals, [AXIS_VEHICLE] = vehicles,
    [AXIS_FLOWER] = flowers, [AXIS_FOOD] = foods,     [AXIS_PLANE] = planes,   [AXIS_PROP] = props,
};

const struct shape *shape_of(enum axis axis, int value)
{
    return &tables[axis][value];
}

struct spot holder_spot(int holder)
{
    return spots[holder];
}
