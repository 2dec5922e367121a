/* Grounds behind objects, and pictures of nothing but a pattern. */
#include "ground.h"

#include <math.h>

/* The parameters of one picture's ground. */
struct ground {
    struct noise coarse, fine;
    float frequency, phase, tone;
};

typedef struct rgb ground_at(const struct ground *g, float x, float y);

static struct rgb grass_at(const struct ground *g, float x, float y)
{
    float blades = noise_at(&g->fine, x * 14.0F + g->phase, y * 4.0F);
    float shade = 0.55F + 0.5F * blades + 0.2F * noise_at(&g->coarse, x * 2.0F, y * 2.0F);
    return rgb_scale((struct rgb){0.22F, 0.55F, 0.16F}, shade);
}

static struct rgb sand_at(const struct ground *g, float x, float y)
{
    float ripple = wavef(y * 1.5F * g->frequency + noise_at(&g->coarse, x * 2.0F, y * 2.0F) * 1.5F);
    float shade = 0.95F + 0.08F * ripple + 0.12F * (noise_at(&g->fine, x * 20.0F, y * 20.0F) - 0.5F);
    return rgb_scale((struct rgb){0.86F, 0.74F, 0.5F}, shade);
}

static struct rgb brick_at(const struct ground *g, float x, float y)
{
    float v = y * 2.2F * g->frequency + 8.0F;
    float u = x * 1.3F * g->frequency + ((int)v & 1 ? 0.5F : 0.0F) + 8.0F + g->phase;
    float mortar = maxf(absf(fractf(u) - 0.5F) - 0.44F, (absf(fractf(v) - 0.5F) - 0.4F) * 0.7F);
    float each = noise_at(&g->coarse, (float)(int)u, (float)(int)v);
    struct rgb stone = rgb_scale((struct rgb){0.66F, 0.3F, 0.22F}, 0.75F + 0.5F * each);
    return rgb_mix(stone, (struct rgb){0.72F, 0.7F, 0.66F}, clamp01(0.5F + mortar * 30.0F));
}

static struct rgb wood_at(const struct ground *g, float x, float y)
{
    float plank = y * 1.4F * g->frequency + 8.0F;
    float bend = noise_at(&g->coarse, x * 1.2F + (float)(int)plank * 3.0F, y * 3.0F);
    float grain = wavef(y * 7.0F + bend * 3.0F);
    float gap = clamp01((absf(fractf(plank) - 0.5F) - 0.46F) * 25.0F);
    float shade = (0.85F + 0.13F * grain + 0.25F * (noise_at(&g->fine, (float)(int)plank, 0.0F) - 0.5F)) *
                  (1.0F - 0.6F * gap);
    return rgb_scale((struct rgb){0.6F, 0.42F, 0.25F}, shade);
}

static struct rgb water_at(const struct ground *g, float x, float y)
{
    float swell = wavef(y * 2.0F * g->frequency + 1.2F * noise_at(&g->coarse, x * 2.5F, y * 2.5F) + g->phase);
    return rgb_mix((struct rgb){0.08F, 0.3F, 0.58F}, (struct rgb){0.35F, 0.65F, 0.8F}, 0.45F + 0.4F * swell);
}

static struct rgb ice_at(const struct ground *g, float x, float y)
{
    float crack = absf(noise_at(&g->coarse, x * 2.5F, y * 2.5F) - 0.5F);
    float shade = 0.9F + 0.1F * noise_at(&g->fine, x * 5.0F, y * 5.0F) - 0.3F * clamp01(1.0F - crack * 22.0F);
    return rgb_scale((struct rgb){0.86F, 0.94F, 1.0F}, shade);
}

static struct rgb sky_at(const struct ground *g, float x, float y)
{
    float cloud = clamp01((noise_at(&g->coarse, x * 1.6F, y * 2.8F) - 0.5F) * 3.0F);
    struct rgb air =
        rgb_mix((struct rgb){0.3F, 0.52F, 0.88F}, (struct rgb){0.68F, 0.82F, 0.95F}, y * 0.5F + 0.5F);
    return rgb_mix(air, (struct rgb){0.96F, 0.97F, 1.0F}, cloud * 0.85F);
}

static struct rgb night_at(const struct ground *g, float x, float y)
{
    float star = clamp01((noise_at(&g->fine, x * 9.0F, y * 9.0F) - 0.84F) * 9.0F);
    float haze = noise_at(&g->coarse, x * 1.5F, y * 1.5F);
    return rgb_mix((struct rgb){0.03F + 0.08F * haze, 0.03F, 0.1F + 0.1F * haze},
                   (struct rgb){1.0F, 1.0F, 0.9F}, star);
}

static struct rgb stone_at(const struct ground *g, float x, float y)
{
    float u = x * 1.2F * g->frequency + 8.0F + 0.35F * noise_at(&g->coarse, x * 2.0F, y * 2.0F);
    float v = y * 1.2F * g->frequency + 8.0F + 0.35F * noise_at(&g->coarse, y * 2.0F, x * 2.0F);
    float joint = maxf(absf(fractf(u) - 0.5F), absf(fractf(v) - 0.5F)) - 0.44F;
    float shade = 0.5F + 0.25F * noise_at(&g->coarse, (float)(int)u, (float)(int)v) +
                  0.12F * noise_at(&g->fine, x * 8.0F, y * 8.0F);
    return rgb_scale((struct rgb){0.95F, 0.95F, 1.0F},
                     shade * (1.0F - 0.55F * clamp01(0.5F + joint * 25.0F)));
}

static struct rgb carpet_at(const struct ground *g, float x, float y)
{
    float u = wavef(x * g->frequency + g->phase);
    float v = wavef(y * g->frequency + g->phase);
    float border = clamp01((maxf(absf(x), absf(y)) - 0.82F) * 20.0F);
    struct rgb weave =
        rgb_mix((struct rgb){0.5F, 0.14F, 0.24F}, (struct rgb){0.72F, 0.55F, 0.3F}, clamp01(u * v * 3.0F));
    return rgb_mix(weave, (struct rgb){0.2F, 0.16F, 0.36F}, border * 0.8F);
}

static ground_at *const grounds[] = {
    [GRASS] = grass_at, [SAND] = sand_at, [BRICK] = brick_at, [WOOD] = wood_at,   [WATER] = water_at,
    [SNOW] = ice_at,    [SKY] = sky_at,   [NIGHT] = night_at, [STONE] = stone_at, [CARPET] = carpet_at,
};

void ground_draw(struct canvas *c, enum setting setting, struct rng *r)
{
    struct ground g;
    noise_init(&g.coarse, r);
    noise_init(&g.fine, r);
    g.frequency = draw_float(r, 1.0F, 1.7F);
    g.phase = draw_float(r, 0.0F, 1.0F);
    g.tone = draw_float(r, 0.8F, 1.1F);
    float zoom = draw_float(r, 0.85F, 1.25F);
    float dx = draw_float(r, 0.0F, 1.0F);
    for (int y = 0; y < c->px; y++)
        for (int x = 0; x < c->px; x++)
            canvas_set(c, x, y,
                       rgb_scale(grounds[setting](&g, (canvas_at(c, x) + dx) * zoom, canvas_at(c, y) * zoom),
                                 g.tone));
}

void texture_draw(struct canvas *c, int pattern, struct rgb a, struct rgb b, struct rng *r)
{
    struct noise noise;
    noise_init(&noise, r);
    struct brush brush = {.noise = &noise, .frequency = draw_float(r, 1.8F, 3.4F)};
    brush.phase = draw_float(r, 0.0F, 1.0F);
    struct frame f = frame_at(0.0F, 0.0F, 1.0F);
    frame_turn(&f, draw_float(r, -0.25F, 0.25F));
    float dx = draw_float(r, -0.6F, 0.6F);
    float dy = draw_float(r, -0.6F, 0.6F);
    for (int y = 0; y < c->px; y++) {
        for (int x = 0; x < c->px; x++) {
            float u = canvas_at(c, x) * f.cos + canvas_at(c, y) * f.sin + dx;
            float v = canvas_at(c, y) * f.cos - canvas_at(c, x) * f.sin + dy;
            canvas_set(c, x, y, rgb_mix(a, b, pattern_at(pattern, u, v, &brush)));
        }
    }
}
