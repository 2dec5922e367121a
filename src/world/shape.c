/* Anti-aliased shapes by signed distances: negative inside, in object units. */
#include <math.h>

#include "canvas.h"

/* ---------------------------------------------------------------- distances */

static float disc_distance(float x, float y, float half_width, float half_height)
{
    float u = x / half_width;
    float v = y / half_height;
    return (sqrtf(u * u + v * v) - 1.0F) * minf(half_width, half_height);
}

static float line_distance(float x, float y, const float *p)
{
    float dx = p[2] - p[0];
    float dy = p[3] - p[1];
    float t = clamp01(((x - p[0]) * dx + (y - p[1]) * dy) / (dx * dx + dy * dy + 1e-9F));
    float ex = x - p[0] - t * dx;
    float ey = y - p[1] - t * dy;
    return sqrtf(ex * ex + ey * ey) - p[4];
}

/* Signed distance to the line through two points, positive to its right. */
static float side(float x, float y, float x0, float y0, float x1, float y1)
{
    float dx = x1 - x0;
    float dy = y1 - y0;
    return ((x - x0) * dy - (y - y0) * dx) / sqrtf(dx * dx + dy * dy + 1e-9F);
}

static float triangle_distance(float x, float y, const float *p)
{
    float winding = (p[4] - p[0]) * (p[3] - p[1]) - (p[5] - p[1]) * (p[2] - p[0]) < 0.0F ? 1.0F : -1.0F;
    float a = side(x, y, p[0], p[1], p[2], p[3]) * winding;
    float b = side(x, y, p[2], p[3], p[4], p[5]) * winding;
    float c = side(x, y, p[4], p[5], p[0], p[1]) * winding;
    return maxf(a, maxf(b, c));
}

static float trapezoid_distance(float x, float y, const float *p)
{
    float t = (y - p[1]) / p[4] * 0.5F + 0.5F; /* 0 above, 1 below */
    float half_width = p[2] + (p[3] - p[2]) * t;
    float slope = (p[3] - p[2]) / (2.0F * p[4]);
    float across = (absf(x - p[0]) - half_width) / sqrtf(1.0F + slope * slope);
    return maxf(across, absf(y - p[1]) - p[4]);
}

/* Five points, by folding the plane along their axes of symmetry (the constants are cos and sin of 36 and 18
 * degrees). */
static float star_distance(float x, float y)
{
    const float c1 = 0.809016994F;
    const float s1 = 0.587785252F;
    x = absf(x);
    y = -y;
    float d = 2.0F * maxf(c1 * x - s1 * y, 0.0F);
    x -= d * c1;
    y += d * s1;
    d = 2.0F * maxf(-c1 * x - s1 * y, 0.0F);
    x += d * c1;
    y += d * s1;
    x = absf(x);
    y -= 1.0F;
    float bx = s1 * 0.45F; /* the inner corner, from the tip */
    float by = c1 * 0.45F - 1.0F;
    float t = clamp01((x * bx + y * by) / (bx * bx + by * by));
    float ex = x - t * bx;
    float ey = y - t * by;
    float sign = y * bx - x * by > 0.0F ? 1.0F : -1.0F;
    return sqrtf(ex * ex + ey * ey) * sign;
}

static float part_distance(const struct part *part, float x, float y)
{
    const float *p = part->p;
    float dx = x - p[0];
    float dy = y - p[1];
    switch (part->primitive) {
    case DISC:
        return disc_distance(dx, dy, p[2], p[3]);
    case BOX:
        return maxf(absf(dx) - p[2], absf(dy) - p[3]);
    case LINE:
        return line_distance(x, y, p);
    case TRI:
        return triangle_distance(x, y, p);
    case TRAP:
        return trapezoid_distance(x, y, p);
    case RING:
        return absf(sqrtf(dx * dx + dy * dy) - p[2]) - p[3];
    case MOON: {
        float cut = sqrtf((x - p[3]) * (x - p[3]) + (y - p[4]) * (y - p[4])) - p[5];
        return maxf(sqrtf(dx * dx + dy * dy) - p[2], -cut);
    }
    case LENS: { /* two circles through both tips */
        float offset = (p[2] * p[2] - p[3] * p[3]) / (2.0F * p[3]);
        float away = absf(dx) + offset;
        return sqrtf(away * away + dy * dy) - offset - p[3];
    }
    case STAR:
        return star_distance(dx / p[2], dy / p[2]) * p[2];
    }
    return 1.0F;
}

/* ---------------------------------------------------------------- extents */

struct extent {
    float x0, y0, x1, y1;
};

static struct extent part_extent(const struct part *part)
{
    const float *p = part->p;
    float half_width = 0.0F;
    float half_height = 0.0F;
    switch (part->primitive) {
    case LINE:
        return (struct extent){minf(p[0], p[2]) - p[4], minf(p[1], p[3]) - p[4], maxf(p[0], p[2]) + p[4],
                               maxf(p[1], p[3]) + p[4]};
    case TRI:
        return (struct extent){minf(p[0], minf(p[2], p[4])), minf(p[1], minf(p[3], p[5])),
                               maxf(p[0], maxf(p[2], p[4])), maxf(p[1], maxf(p[3], p[5]))};
    case DISC:
    case BOX:
        half_width = p[2];
        half_height = p[3];
        break;
    case TRAP:
        half_width = maxf(p[2], p[3]);
        half_height = p[4];
        break;
    case RING:
        half_width = half_height = p[2] + p[3];
        break;
    case MOON:
    case STAR:
        half_width = half_height = p[2];
        break;
    case LENS:
        half_width = p[3];
        half_height = p[2];
        break;
    }
    return (struct extent){p[0] - half_width, p[1] - half_height, p[0] + half_width, p[1] + half_height};
}

static struct extent group_extent(const struct part *parts, size_t n)
{
    struct extent all = part_extent(parts);
    for (size_t i = 1; i < n; i++) {
        struct extent e = part_extent(parts + i);
        all = (struct extent){minf(all.x0, e.x0), minf(all.y0, e.y0), maxf(all.x1, e.x1), maxf(all.y1, e.y1)};
    }
    return all;
}

static float group_distance(const struct part *parts, size_t n, float x, float y)
{
    float d = part_distance(parts, x, y);
    for (size_t i = 1; i < n; i++)
        d = minf(d, part_distance(parts + i, x, y));
    return d;
}

/* ---------------------------------------------------------------- frames */

struct frame frame_at(float x, float y, float scale)
{
    return (struct frame){
        .x = x, .y = y, .scale = scale, .cos = 1.0F, .sin = 0.0F, .flip = 1.0F, .stretch = 1.0F};
}

void frame_turn(struct frame *f, float t)
{
    float c = (1.0F - t * t) / (1.0F + t * t);
    float s = 2.0F * t / (1.0F + t * t);
    float turned = f->cos * c - f->sin * s;
    f->sin = f->sin * c + f->cos * s;
    f->cos = turned;
}

/* Object to picture. */
static void frame_map(float *px, float *py, const struct frame *f, float x, float y)
{
    x *= f->flip * f->stretch;
    *px = f->x + f->scale * (x * f->cos - y * f->sin);
    *py = f->y + f->scale * (x * f->sin + y * f->cos);
}

/* Picture to object. */
static void frame_unmap(float *x, float *y, const struct frame *f, float px, float py)
{
    float dx = (px - f->x) / f->scale;
    float dy = (py - f->y) / f->scale;
    *x = (dx * f->cos + dy * f->sin) / f->stretch * f->flip;
    *y = dy * f->cos - dx * f->sin;
}

struct frame frame_inside(const struct frame *f, float x, float y, float scale)
{
    struct frame inner = *f;
    frame_map(&inner.x, &inner.y, f, x, y);
    inner.scale = f->scale * scale;
    return inner;
}

/* ---------------------------------------------------------------- painting */

struct pixel_box {
    int x0, y0, x1, y1;
};

/* The pixels that the extent may touch, `margin` picture units around it. */
static struct pixel_box box_of(const struct canvas *c, const struct frame *f, struct extent e, float margin)
{
    float x0 = 2.0F;
    float y0 = 2.0F;
    float x1 = -2.0F;
    float y1 = -2.0F;
    for (int corner = 0; corner < 4; corner++) {
        float x = 0.0F;
        float y = 0.0F;
        frame_map(&x, &y, f, corner & 1 ? e.x1 : e.x0, corner & 2 ? e.y1 : e.y0);
        x0 = minf(x0, x);
        y0 = minf(y0, y);
        x1 = maxf(x1, x);
        y1 = maxf(y1, y);
    }
    float half = (float)c->px * 0.5F;
    return (struct pixel_box){
        (int)(clamp01((x0 - margin + 1.0F) * 0.5F) * 2.0F * half),
        (int)(clamp01((y0 - margin + 1.0F) * 0.5F) * 2.0F * half),
        (int)minf((float)c->px, (x1 + margin + 1.0F) * half + 1.0F),
        (int)minf((float)c->px, (y1 + margin + 1.0F) * half + 1.0F),
    };
}

static void blend(struct canvas *c, int x, int y, struct rgb colour, float opacity)
{
    canvas_set(c, x, y, rgb_mix(canvas_get(c, x, y), colour, opacity));
}

static struct rgb paint_at(const struct paint *paint, const struct brush *brush, float x, float y)
{
    if (paint->pattern < 0)
        return paint->a;
    return rgb_mix(paint->a, paint->b, pattern_at(paint->pattern, x, y, brush));
}

static void group_draw(struct canvas *c, const struct part *parts, size_t n, const struct frame *f,
                       const struct brush *brush)
{
    const struct paint *paint = &brush->paints[parts->role];
    struct pixel_box box = box_of(c, f, group_extent(parts, n), 2.0F / (float)c->px);
    float px_per_unit = f->scale * (float)c->px * 0.5F;
    for (int py = box.y0; py < box.y1; py++) {
        for (int px = box.x0; px < box.x1; px++) {
            float x = 0.0F;
            float y = 0.0F;
            frame_unmap(&x, &y, f, canvas_at(c, px), canvas_at(c, py));
            float d = group_distance(parts, n, x, y);
            float coverage = clamp01(0.5F - d * px_per_unit);
            if (coverage <= 0.0F)
                continue;
            float rim = clamp01(1.0F + d * 5.0F); /* 1 at the outline, 0 a fifth of the object inside */
            float light = 1.0F - 0.25F * rim + 0.12F * (x * f->flip + y) * -0.7F;
            blend(c, px, py, rgb_scale(paint_at(paint, brush, x, y), light), coverage);
        }
    }
}

/* The number of parts with the same role from `first` on. */
static size_t group_size(const struct shape *shape, size_t first)
{
    size_t n = 1;
    while (first + n < shape->n && shape->parts[first + n].role == shape->parts[first].role)
        n++;
    return n;
}

void shape_draw(struct canvas *c, const struct shape *shape, const struct frame *frame,
                const struct brush *brush)
{
    for (size_t i = 0, n = 0; i < shape->n; i += n) {
        n = group_size(shape, i);
        group_draw(c, shape->parts + i, n, frame, brush);
    }
}

void shape_shadow(struct canvas *c, const struct shape *shape, const struct frame *frame, float offset,
                  float strength)
{
    const float softness = 0.12F; /* picture units */
    struct frame f = *frame;
    f.x += offset;
    f.y += offset;
    struct pixel_box box = box_of(c, &f, group_extent(shape->parts, shape->n), softness);
    for (int py = box.y0; py < box.y1; py++) {
        for (int px = box.x0; px < box.x1; px++) {
            float x = 0.0F;
            float y = 0.0F;
            frame_unmap(&x, &y, &f, canvas_at(c, px), canvas_at(c, py));
            float d = group_distance(shape->parts, shape->n, x, y) * f.scale;
            float shade = strength * clamp01(0.5F - d / softness);
            if (shade > 0.0F)
                canvas_set(c, px, py, rgb_scale(canvas_get(c, px, py), 1.0F - shade));
        }
    }
}

void part_draw(struct canvas *c, enum primitive primitive, const float p[6], struct rgb colour, float opacity)
{
    struct part part = {MAIN, primitive, {p[0], p[1], p[2], p[3], p[4], p[5]}};
    struct frame f = frame_at(0.0F, 0.0F, 1.0F);
    struct pixel_box box = box_of(c, &f, part_extent(&part), 2.0F / (float)c->px);
    for (int py = box.y0; py < box.y1; py++) {
        for (int px = box.x0; px < box.x1; px++) {
            float d = part_distance(&part, canvas_at(c, px), canvas_at(c, py));
            float coverage = clamp01(0.5F - d * (float)c->px * 0.5F) * opacity;
            if (coverage > 0.0F)
                blend(c, px, py, colour, coverage);
        }
    }
}
