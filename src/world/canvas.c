#include "canvas.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "axes.h"
#include "prompt/base/error.h"
#include "prompt/world/limits.h"

/* ---------------------------------------------------------------- numbers */

float draw_float(struct rng *r, float lo, float hi)
{
    return lo + (hi - lo) * ((float)(rng_u32(r) >> 8) * 0x1p-24F);
}

int draw_int(struct rng *r, int n)
{
    return (int)(((uint64_t)rng_u32(r) * (uint64_t)n) >> 32);
}

bool draw_bool(struct rng *r, float probability)
{
    return draw_float(r, 0.0F, 1.0F) < probability;
}

struct rgb draw_tone(struct rng *r, struct rgb colour, float spread)
{
    float red = draw_float(r, -spread, spread);
    float green = draw_float(r, -spread, spread);
    float blue = draw_float(r, -spread, spread);
    return (struct rgb){clamp01(colour.r + red), clamp01(colour.g + green), clamp01(colour.b + blue)};
}

struct rgb draw_colour(struct rng *r)
{
    return draw_tone(r, (struct rgb){0.5F, 0.5F, 0.5F}, 0.45F);
}

/* ---------------------------------------------------------------- colours with a word */

static const struct rgb colours[] = {
    {0.85F, 0.12F, 0.12F}, {0.15F, 0.62F, 0.2F},  {0.15F, 0.25F, 0.85F}, {0.93F, 0.86F, 0.15F},
    {0.5F, 0.15F, 0.65F},  {0.95F, 0.5F, 0.08F},  {0.95F, 0.5F, 0.7F},   {0.15F, 0.8F, 0.85F},
    {0.45F, 0.26F, 0.1F},  {0.93F, 0.93F, 0.93F},
};
struct rgb colour_of(int colour)
{
    return colours[colour];
}

/* ---------------------------------------------------------------- canvas */

int canvas_init(struct canvas *c, int64_t px)
{
    *c = (struct canvas){0};
    if (px < WORLD_PX_MIN || px > WORLD_PX_MAX)
        return error_set(ERR_USAGE, "pictures of the world have %d to %d pixels a side, not %" PRId64,
                         WORLD_PX_MIN, WORLD_PX_MAX, px);
    c->px = (int)px;
    c->rgb = malloc((size_t)px * (size_t)px * 3 * sizeof *c->rgb);
    return c->rgb ? OK : error_out_of_memory();
}

void canvas_read(uint8_t *rgb, const struct canvas *c)
{
    size_t n = (size_t)c->px * (size_t)c->px * 3;
    for (size_t i = 0; i < n; i++)
        rgb[i] = (uint8_t)(clamp01(c->rgb[i]) * 255.0F + 0.5F);
}

void canvas_free(struct canvas *c)
{
    free(c->rgb);
    *c = (struct canvas){0};
}

/* ---------------------------------------------------------------- noise */

void noise_init(struct noise *n, struct rng *r)
{
    for (int i = 0; i < NOISE_CELLS * NOISE_CELLS; i += 4) {
        uint32_t bits = rng_u32(r); /* a byte each */
        for (int k = 0; k < 4; k++)
            n->grid[i + k] = (float)((bits >> (8 * k)) & 255U) * (1.0F / 256.0F);
    }
}

float noise_at(const struct noise *n, float u, float v)
{
    float fu = fractf(u);
    float fv = fractf(v);
    int iu = (int)(u - fu) & (NOISE_CELLS - 1);
    int iv = (int)(v - fv) & (NOISE_CELLS - 1);
    int ju = (iu + 1) & (NOISE_CELLS - 1);
    const float *row = n->grid + (size_t)iv * NOISE_CELLS;
    const float *next = n->grid + (size_t)((iv + 1) & (NOISE_CELLS - 1)) * NOISE_CELLS;
    fu = fu * fu * (3.0F - 2.0F * fu);
    fv = fv * fv * (3.0F - 2.0F * fv);
    float above = row[iu] + (row[ju] - row[iu]) * fu;
    float below = next[iu] + (next[ju] - next[iu]) * fu;
    return above + (below - above) * fv;
}

/* ---------------------------------------------------------------- patterns */

/* A soft edge where v crosses 0. */
static float edge(float v, float sharpness)
{
    return clamp01(0.5F + v * sharpness);
}

float pattern_at(int pattern, float x, float y, const struct brush *brush)
{
    float u = x * brush->frequency + brush->phase;
    float v = y * brush->frequency + brush->phase;
    float fu = fractf(u) - 0.5F;
    float fv = fractf(v) - 0.5F;
    switch ((enum pattern)pattern) {
    case STRIPED:
        return edge(wavef(u), 2.0F);
    case DOTTED:
        return edge(0.09F - fu * fu - fv * fv, 14.0F);
    case CHECKERED:
        return edge(wavef(u * 0.7F) * wavef(v * 0.7F), 6.0F);
    case RINGED:
        return edge(wavef(sqrtf(x * x + y * y) * brush->frequency * 1.1F), 2.0F);
    case ZIGZAG:
        return edge(wavef(v * 0.9F + absf(fu) * 1.1F), 2.0F);
    case GRIDDED:
        return edge(maxf(absf(fu), absf(fv)) - 0.36F, 8.0F);
    case SPECKLED:
        return edge(noise_at(brush->noise, u * 2.6F, v * 2.6F) - 0.68F, 9.0F);
    case WAVY:
        return edge(wavef(v * 0.9F + 0.3F * wavef(u * 0.6F)), 2.0F);
    case BLOTCHY:
        return edge(noise_at(brush->noise, u * 0.9F, v * 0.9F) - 0.5F, 8.0F);
    case WOVEN:
        return edge(wavef(u * 0.5F) * wavef(v * 0.5F) > 0.0F ? wavef(u * 1.5F) : wavef(v * 1.5F), 2.0F);
    case N_PATTERNS:
        break;
    }
    return 0.0F;
}
