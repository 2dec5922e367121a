/**
 * A picture being drawn, and its tools: numbers, noise, anti-aliased shapes.
 *
 * Coordinates: the picture spans [-1, 1] in x (right) and y (down). An object has its own coordinates, in
 * which it fills about [-1, 1]; a frame places it. Uses only + - * / and sqrtf (world.h says why).
 */
#ifndef PROMPT_SRC_WORLD_CANVAS_H
#define PROMPT_SRC_WORLD_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/rng.h"

/* ---------------------------------------------------------------- numbers */

struct rgb {
    float r, g, b; /* 0 to 1 */
};

static inline float minf(float a, float b)
{
    return a < b ? a : b;
}
static inline float maxf(float a, float b)
{
    return a > b ? a : b;
}
static inline float absf(float a)
{
    return a < 0.0F ? -a : a;
}
static inline float clamp01(float x)
{
    return x < 0.0F ? 0.0F : x > 1.0F ? 1.0F : x;
}
/** x - floor(x) for |x| < 2^31. */
static inline float fractf(float x)
{
    float f = x - (float)(int)x;
    return f < 0.0F ? f + 1.0F : f;
}
/** sin(2 pi x), approximated by parabolas. */
static inline float wavef(float x)
{
    float f = fractf(x) - 0.5F;
    return -8.0F * f * (1.0F - 2.0F * absf(f));
}
static inline struct rgb rgb_mix(struct rgb a, struct rgb b, float t)
{
    return (struct rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
static inline struct rgb rgb_scale(struct rgb a, float s)
{
    return (struct rgb){a.r * s, a.g * s, a.b * s};
}

/* C does not define the order of arguments and initializers, so an expression draws at most one number. */

/** Uniform in [lo, hi). */
float draw_float(struct rng *r, float lo, float hi);
/** Uniform integer below n. */
int draw_int(struct rng *r, int n);
bool draw_bool(struct rng *r, float probability);
/** The colour with each channel moved by at most `spread`. */
struct rgb draw_tone(struct rng *r, struct rgb colour, float spread);
struct rgb draw_colour(struct rng *r);
/** The colour of a word of AXIS_COLOUR. */
struct rgb colour_of(int colour);

/* ---------------------------------------------------------------- noise */

enum { NOISE_CELLS = 16 };

/** Smooth values in [0, 1) on a torus of NOISE_CELLS x NOISE_CELLS cells. */
struct noise {
    float grid[NOISE_CELLS * NOISE_CELLS];
};

void noise_init(struct noise *n, struct rng *r);
/** The noise at (u, v), in cells. */
float noise_at(const struct noise *n, float u, float v);

/* ---------------------------------------------------------------- canvas */

struct canvas {
    int px;
    float *rgb; /* [px, px, 3] */
};

int canvas_init(struct canvas *c, int64_t px); /* ERR_USAGE for an odd size, ERR_MEMORY */
void canvas_read(uint8_t *rgb, const struct canvas *c);
void canvas_free(struct canvas *c);

/** The centre of a column or row in [-1, 1]. */
static inline float canvas_at(const struct canvas *c, int i)
{
    return ((float)i + 0.5F) * 2.0F / (float)c->px - 1.0F;
}
static inline void canvas_set(struct canvas *c, int x, int y, struct rgb v)
{
    float *p = c->rgb + (size_t)(y * c->px + x) * 3;
    p[0] = v.r;
    p[1] = v.g;
    p[2] = v.b;
}
static inline struct rgb canvas_get(const struct canvas *c, int x, int y)
{
    const float *p = c->rgb + (size_t)(y * c->px + x) * 3;
    return (struct rgb){p[0], p[1], p[2]};
}

/* ---------------------------------------------------------------- shapes */

/** An object's position: centre and half-size in picture units, x axis (a unit vector), mirrored or not. */
struct frame {
    float x, y, scale;
    float cos, sin;
    float flip;    /* 1 or -1 */
    float stretch; /* of the x axis; 1: none */
};

/** Upright at (x, y). */
struct frame frame_at(float x, float y, float scale);
/** Turned by an angle whose half has the tangent `t`: 0 none, 1 a right angle. */
void frame_turn(struct frame *f, float t);
/** The frame of an object at (x, y) with `scale` in the coordinates of `f`. */
struct frame frame_inside(const struct frame *f, float x, float y, float scale);

/** The paint of a part. */
enum paint_role {
    MAIN,   /* the object's colour and pattern */
    SECOND, /* its other colour */
    HEAD,   /* MAIN, except for some coats */
    FOOT,   /* MAIN, except for some coats */
    MARK,   /* the series of a plane */
    DARK,
    LIGHT,
    GLASS,
    CRUST,
    STEM,
    N_PAINTS,
};

enum primitive {
    DISC, /* centre, half-width, half-height */
    BOX,  /* centre, half-width, half-height */
    LINE, /* from, to, half-width */
    TRI,  /* three corners, either way round */
    TRAP, /* centre, half-width above, half-width below, half-height */
    RING, /* centre, radius, half-thickness */
    MOON, /* centre, radius; centre and radius of the cut-out */
    LENS, /* centre, half-length along y, half-width */
    STAR, /* centre, radius */
};

struct part {
    enum paint_role role;
    enum primitive primitive;
    float p[6]; /* object units */
};

/** An object: parts from back to front; neighbours with the same role merge into one outline. */
struct shape {
    const struct part *parts;
    size_t n;
};

struct paint {
    struct rgb a, b;
    int pattern; /* enum pattern, mixes a and b; -1: only a */
};

struct brush {
    struct paint paints[N_PAINTS];
    struct noise *noise; /* of the irregular patterns */
    float frequency;     /* periods of a pattern per object unit */
    float phase;
};

void shape_draw(struct canvas *c, const struct shape *shape, const struct frame *frame,
                const struct brush *brush);
/** A soft shadow of the shape's outline, in picture units below and to the right. */
void shape_shadow(struct canvas *c, const struct shape *shape, const struct frame *frame, float offset,
                  float strength);
/** One part in one colour with the given opacity, in picture coordinates. */
void part_draw(struct canvas *c, enum primitive primitive, const float p[6], struct rgb colour,
               float opacity);

/* ---------------------------------------------------------------- patterns */

/** The fraction of the second colour in a pattern at (x, y), 0 to 1. */
float pattern_at(int pattern, float x, float y, const struct brush *brush);

#endif
