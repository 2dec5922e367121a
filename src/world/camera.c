/* The steps of a camera, each one pass over the pixels. */
#include "camera.h"

static float luminance(struct rgb v)
{
    return 0.3F * v.r + 0.59F * v.g + 0.11F * v.b;
}

/* (1, 2, 1) / 4 over `n` values `stride` apart, ends repeated. */
static void blur_line(float *v, int n, int stride)
{
    float before = v[0];
    for (int i = 0; i < n; i++) {
        float here = v[i * stride];
        float after = i + 1 < n ? v[(i + 1) * stride] : here;
        v[i * stride] = 0.25F * before + 0.5F * here + 0.25F * after;
        before = here;
    }
}

static void blur(struct canvas *c)
{
    int row = c->px * 3;
    for (int i = 0; i < c->px; i++)
        for (int channel = 0; channel < 3; channel++)
            blur_line(c->rgb + (ptrdiff_t)i * row + channel, c->px, 3);
    for (int i = 0; i < row; i++)
        blur_line(c->rgb + i, c->px, row);
}

/* Draws outlines where the picture changes. In place, from the top left: each pixel looks right and down. */
static void outline(struct canvas *c, float edges, float ink)
{
    int last = c->px - 1;
    for (int y = 0; y < c->px; y++) {
        for (int x = 0; x < c->px; x++) {
            struct rgb here = canvas_get(c, x, y);
            struct rgb right = canvas_get(c, x < last ? x + 1 : x, y);
            struct rgb down = canvas_get(c, x, y < last ? y + 1 : y);
            float change = absf(here.r - right.r) + absf(here.g - right.g) + absf(here.b - right.b) +
                           absf(here.r - down.r) + absf(here.g - down.g) + absf(here.b - down.b);
            float line = clamp01((change - 0.25F) * 1.4F);
            float paper = 0.95F - 0.85F * line;
            struct rgb drawn = {paper, paper, paper};
            canvas_set(c, x, y, rgb_mix(rgb_scale(here, 1.0F - ink * line), drawn, edges));
        }
    }
}

static float posterize(float v, int levels)
{
    float steps = (float)(levels - 1);
    return (float)(int)(clamp01(v) * steps + 0.5F) / steps;
}

static struct rgb tone(struct rgb v, const struct camera *k)
{
    if (k->levels > 1)
        v = (struct rgb){posterize(v.r, k->levels), posterize(v.g, k->levels), posterize(v.b, k->levels)};
    v = rgb_mix(v, (struct rgb){1.0F - v.r, 1.0F - v.g, 1.0F - v.b}, k->negative);
    v = k->hue < 0.0F ? rgb_mix(v, (struct rgb){v.b, v.r, v.g}, -k->hue)
                      : rgb_mix(v, (struct rgb){v.g, v.b, v.r}, k->hue);
    float grey = luminance(v);
    v = rgb_mix(v, (struct rgb){grey, grey, grey}, k->grey);
    v = rgb_mix(v, (struct rgb){0.5F, 0.5F, 0.5F}, k->contrast);
    return (struct rgb){v.r * k->gain.r + k->lift, v.g * k->gain.g + k->lift, v.b * k->gain.b + k->lift};
}

/* Mean of the 2 x 2 block around (x, y). */
static struct rgb block_mean(const struct canvas *c, int x, int y)
{
    int x0 = x & ~1;
    int y0 = y & ~1;
    int x1 = x0 + 1 < c->px ? x0 + 1 : x0;
    int y1 = y0 + 1 < c->px ? y0 + 1 : y0;
    struct rgb above = rgb_mix(canvas_get(c, x0, y0), canvas_get(c, x1, y0), 0.5F);
    return rgb_mix(above, rgb_mix(canvas_get(c, x0, y1), canvas_get(c, x1, y1), 0.5F), 0.5F);
}

static void pixelate(struct canvas *c, float amount)
{
    for (int y = 0; y < c->px; y += 2) {
        for (int x = 0; x < c->px; x += 2) {
            struct rgb mean = block_mean(c, x, y);
            for (int i = 0; i < 4; i++) {
                int px = x + (i & 1);
                int py = y + (i >> 1);
                if (px < c->px && py < c->px)
                    canvas_set(c, px, py, rgb_mix(canvas_get(c, px, py), mean, amount));
            }
        }
    }
}

/* The effects that depend on the position in the picture. */
static void screen(struct canvas *c, const struct camera *k)
{
    for (int y = 0; y < c->px; y++) {
        float v = canvas_at(c, y);
        float row = 1.0F - (y % 3 == 0 ? k->scan : 0.0F);
        for (int x = 0; x < c->px; x++) {
            float u = canvas_at(c, x);
            float corner = 1.0F - k->vignette * 0.5F * (u * u + v * v);
            canvas_set(c, x, y, rgb_scale(canvas_get(c, x, y), row * corner));
        }
    }
}

static int clamp_index(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

/* Shifts the view a little. Works in place: writes pixels that are still needed last. */
static void shift(struct canvas *c, float most, struct rng *r)
{
    const int px = c->px;
    const int dx = (int)(draw_float(r, -most, most) * (float)px);
    const int dy = (int)(draw_float(r, -most, most) * (float)px);
    for (int i = 0; i < px; i++) {
        const int y = dy < 0 ? px - 1 - i : i;
        for (int j = 0; j < px; j++) {
            const int x = dx < 0 ? px - 1 - j : j;
            canvas_set(c, x, y, canvas_get(c, clamp_index(x + dx, px), clamp_index(y + dy, px)));
        }
    }
}

/* Sums of two bytes: a triangular distribution, correlated between channels like a sensor's. */
static void add_noise(struct canvas *c, float amount, struct rng *r)
{
    float scale = amount / 255.0F;
    size_t n = (size_t)c->px * (size_t)c->px;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = rng_u32(r);
        int b0 = (int)(bits & 255U);
        int b1 = (int)(bits >> 8 & 255U);
        int b2 = (int)(bits >> 16 & 255U);
        int b3 = (int)(bits >> 24);
        c->rgb[i * 3] += (float)(b0 + b1 - 255) * scale;
        c->rgb[i * 3 + 1] += (float)(b1 + b2 - 255) * scale;
        c->rgb[i * 3 + 2] += (float)(b2 + b3 - 255) * scale;
    }
}

/* The camera for one picture: sometimes even its negative. */
static struct camera settle(const struct camera *camera, struct rng *r)
{
    struct camera k = *camera;
    const float u = k.unsteady;
    if (k.negatives > 0.0F && draw_bool(r, k.negatives))
        k.negative = 1.0F - k.negative;
    if (u <= 0.0F)
        return k;
    float exposure = 1.0F + draw_float(r, -0.45F, 0.25F) * u;
    k.gain.r *= exposure * (1.0F + draw_float(r, -0.25F, 0.25F) * u);
    k.gain.g *= exposure * (1.0F + draw_float(r, -0.25F, 0.25F) * u);
    k.gain.b *= exposure * (1.0F + draw_float(r, -0.25F, 0.25F) * u);
    k.contrast += draw_float(r, 0.0F, 0.4F) * u * (1.0F - k.contrast);
    k.lift += draw_float(r, -0.08F, 0.12F) * u;
    if (draw_bool(r, 0.28F * u))
        k.negative = 1.0F - k.negative;
    return k;
}

void camera_take(struct canvas *c, const struct camera *camera, struct rng *r)
{
    const struct camera own = settle(camera, r);
    const struct camera *k = &own;
    if (k->shake > 0.0F)
        shift(c, k->shake, r);
    for (int i = 0; i < k->blur; i++)
        blur(c);
    if (k->edges > 0.0F || k->ink > 0.0F)
        outline(c, k->edges, k->ink);
    for (int y = 0; y < c->px; y++)
        for (int x = 0; x < c->px; x++)
            canvas_set(c, x, y, tone(canvas_get(c, x, y), k));
    if (k->blocks > 0.0F)
        pixelate(c, k->blocks);
    if (k->scan > 0.0F || k->vignette > 0.0F)
        screen(c, k);
    if (k->noise > 0.0F)
        add_noise(c, k->noise, r);
}
