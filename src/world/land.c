/* Land from above: a cover over the whole picture and one feature across it. */
#include "ground.h"

#include <math.h>

struct map {
    struct noise coarse, fine;
    float phase;
};

/* ---------------------------------------------------------------- cover */

/* A round spot in every cell of a grid; 1 in its middle. */
static float crowns(float u, float v)
{
    float fu = fractf(u) - 0.5F;
    float fv = fractf(v) - 0.5F;
    return clamp01((0.17F - fu * fu - fv * fv) * 8.0F);
}

static struct rgb cover_at(const struct map *m, enum land land, float x, float y)
{
    float broad = noise_at(&m->coarse, x * 1.5F, y * 1.5F);
    float mid = noise_at(&m->fine, x * 4.0F, y * 4.0F);
    float small = noise_at(&m->fine, x * 11.0F, y * 11.0F);
    switch (land) {
    case LAND_FOREST:
        return rgb_scale((struct rgb){0.12F, 0.34F, 0.14F}, 0.5F + 0.4F * broad + 0.7F * small);
    case LAND_PASTURE:
        return rgb_scale((struct rgb){0.46F, 0.66F, 0.3F}, 0.85F + 0.25F * broad + 0.05F * small);
    case LAND_DESERT:
        return rgb_scale((struct rgb){0.85F, 0.68F, 0.42F},
                         0.88F + 0.13F * wavef(x * 1.2F + y * 2.2F + broad * 2.0F));
    case LAND_SNOW:
        return rgb_scale((struct rgb){0.9F, 0.94F, 1.0F}, 0.82F + 0.2F * mid);
    case LAND_CROP: {
        float u = x * 1.2F + 0.3F * y + m->phase + 8.0F;
        float v = y * 1.2F - 0.3F * x + 8.0F;
        float kind = noise_at(&m->coarse, (float)(int)u, (float)(int)v);
        struct rgb field = rgb_mix((struct rgb){0.55F, 0.38F, 0.2F}, (struct rgb){0.68F, 0.7F, 0.28F},
                                   clamp01((kind - 0.3F) * 2.5F));
        return rgb_scale(field, 0.9F + 0.14F * wavef(kind > 0.5F ? u * 6.0F : v * 6.0F));
    }
    case LAND_MARSH:
        return rgb_mix((struct rgb){0.36F, 0.42F, 0.24F}, (struct rgb){0.2F, 0.32F, 0.36F},
                       clamp01((mid - 0.42F) * 6.0F));
    case LAND_ROCK:
        return rgb_scale((struct rgb){0.52F, 0.48F, 0.46F}, 0.55F + 0.6F * mid + 0.3F * (small - 0.5F));
    case LAND_ORCHARD:
        return rgb_mix((struct rgb){0.62F, 0.54F, 0.36F}, (struct rgb){0.14F, 0.42F, 0.16F},
                       crowns(x * 3.0F + m->phase, y * 3.0F));
    }
    return (struct rgb){0.0F, 0.0F, 0.0F};
}

/* ---------------------------------------------------------------- features */

/* A course along the x axis of `f`, across the whole picture, bent by `bend`. */
struct course {
    struct frame f;
    float bend, half_width;
};

static void course_draw(struct canvas *c, const struct map *m, const struct course *course,
                        enum feature feature)
{
    float softness = (float)c->px * 0.5F;
    for (int py = 0; py < c->px; py++) {
        for (int px = 0; px < c->px; px++) {
            float dx = canvas_at(c, px) - course->f.x;
            float dy = canvas_at(c, py) - course->f.y;
            float along = dx * course->f.cos + dy * course->f.sin;
            float across = dy * course->f.cos - dx * course->f.sin;
            across += course->bend * (noise_at(&m->coarse, along * 1.3F, 0.5F) - 0.5F);
            float inside = course->half_width - absf(across);
            float coverage = clamp01(0.5F + inside * softness);
            if (coverage <= 0.0F)
                continue;
            struct rgb colour = {0.13F, 0.32F, 0.56F};
            if (feature == HIGHWAY)
                colour = absf(across) < 0.03F && fractf(along * 3.0F) < 0.6F
                             ? (struct rgb){0.95F, 0.9F, 0.6F}
                             : (struct rgb){0.3F, 0.3F, 0.32F};
            if (feature == RAILWAY)
                colour = absf(absf(across) - 0.07F) < 0.025F || fractf(along * 5.0F) < 0.35F
                             ? (struct rgb){0.2F, 0.17F, 0.15F}
                             : (struct rgb){0.66F, 0.6F, 0.54F};
            canvas_set(c, px, py, rgb_mix(canvas_get(c, px, py), colour, coverage));
        }
    }
}

static void lake_draw(struct canvas *c, const struct map *m, struct rng *r)
{
    float cx = draw_float(r, -0.3F, 0.3F);
    float cy = draw_float(r, -0.3F, 0.3F);
    float radius = draw_float(r, 0.42F, 0.62F);
    for (int py = 0; py < c->px; py++) {
        for (int px = 0; px < c->px; px++) {
            float dx = canvas_at(c, px) - cx;
            float dy = canvas_at(c, py) - cy;
            float shore = radius + 0.45F * (noise_at(&m->coarse, dx * 2.2F + 4.0F, dy * 2.2F + 4.0F) - 0.5F);
            float coverage = clamp01(0.5F + (shore - sqrtf(dx * dx + dy * dy)) * (float)c->px * 0.4F);
            if (coverage > 0.0F)
                canvas_set(c, px, py,
                           rgb_mix(canvas_get(c, px, py), (struct rgb){0.12F, 0.28F, 0.5F}, coverage));
        }
    }
}

/* A box and its shadow, turned like `f`. */
static void building(struct canvas *c, const struct frame *f, float u, float v, float w, float h,
                     struct rgb roof)
{
    const struct part parts[] = {{MAIN, BOX, {u, v, w, h, 0, 0}}};
    const struct shape shape = {parts, 1};
    struct brush brush = {.paints = {[MAIN] = {roof, roof, -1}}};
    shape_shadow(c, &shape, f, 0.05F, 0.5F);
    shape_draw(c, &shape, f, &brush);
}

static void buildings_draw(struct canvas *c, const struct frame *f, bool is_industrial, struct rng *r)
{
    int n = is_industrial ? 2 : 5;
    float step = 2.0F / (float)n;
    for (int i = 0; i < n * n; i++) {
        float u = -1.0F + step * ((float)(i % n) + 0.5F) + draw_float(r, -0.04F, 0.04F);
        float v = -1.0F + step * ((float)(i / n) + 0.5F) + draw_float(r, -0.04F, 0.04F);
        if (draw_bool(r, is_industrial ? 0.1F : 0.2F))
            continue;
        float tone = draw_float(r, 0.72F, 0.95F);
        struct rgb roof = is_industrial ? (struct rgb){tone, tone, tone * 1.04F}
                                        : (struct rgb){tone * 0.85F, tone * 0.4F, tone * 0.3F};
        float w = is_industrial ? draw_float(r, 0.28F, 0.4F) : draw_float(r, 0.09F, 0.13F);
        building(c, f, u, v, w, is_industrial ? draw_float(r, 0.16F, 0.34F) : w * 0.8F, roof);
    }
}

void land_draw(struct canvas *c, enum land land, enum feature feature, struct rng *r)
{
    struct map m;
    noise_init(&m.coarse, r);
    noise_init(&m.fine, r);
    m.phase = draw_float(r, 0.0F, 1.0F);
    struct frame f = frame_at(0.0F, 0.0F, 0.9F);
    f.x = draw_float(r, -0.25F, 0.25F);
    f.y = draw_float(r, -0.25F, 0.25F);
    frame_turn(&f, draw_float(r, -1.0F, 1.0F));
    for (int y = 0; y < c->px; y++)
        for (int x = 0; x < c->px; x++)
            canvas_set(c, x, y, cover_at(&m, land, canvas_at(c, x), canvas_at(c, y)));
    switch (feature) {
    case RIVER:
        course_draw(c, &m, &(struct course){f, 0.9F, draw_float(r, 0.14F, 0.22F)}, feature);
        break;
    case HIGHWAY:
        course_draw(c, &m, &(struct course){f, 0.15F, draw_float(r, 0.14F, 0.19F)}, feature);
        break;
    case RAILWAY:
        course_draw(c, &m, &(struct course){f, 0.1F, 0.13F}, feature);
        break;
    case LAKE:
        lake_draw(c, &m, r);
        break;
    case RESIDENTIAL:
        buildings_draw(c, &f, false, r);
        break;
    case INDUSTRIAL:
        buildings_draw(c, &f, true, r);
        break;
    }
}
