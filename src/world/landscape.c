/* Landscapes: a sky, a ground from the horizon down, a few things on it from far to near, and the weather. */
#include "ground.h"

struct view {
    struct canvas *c;
    struct rng *r;
    struct noise noise;
    float horizon;
    struct rgb light; /* factor of every colour */
    float snow;       /* 0 to 1: whiteness of the ground */
};

/* Sky at the top and at the horizon, light on objects, haze over distant ones. */
struct sky {
    struct rgb above, low, light;
    float haze;
};

static const struct sky skies[] = {
    [SUNNY] = {{0.25F, 0.5F, 0.92F}, {0.65F, 0.82F, 0.97F}, {1.1F, 1.08F, 1.0F}, 0.0F},
    [CLOUDY] = {{0.58F, 0.61F, 0.66F}, {0.78F, 0.79F, 0.8F}, {0.82F, 0.83F, 0.86F}, 0.08F},
    [RAINY] = {{0.36F, 0.4F, 0.48F}, {0.5F, 0.54F, 0.6F}, {0.62F, 0.67F, 0.75F}, 0.2F},
    [SNOWY] = {{0.74F, 0.77F, 0.83F}, {0.86F, 0.87F, 0.9F}, {0.92F, 0.94F, 1.0F}, 0.12F},
    [FOGGY] = {{0.72F, 0.73F, 0.73F}, {0.78F, 0.78F, 0.78F}, {0.8F, 0.8F, 0.8F}, 0.68F},
    [STORMY] = {{0.12F, 0.12F, 0.19F}, {0.3F, 0.28F, 0.36F}, {0.42F, 0.4F, 0.5F}, 0.05F},
    [DUSKY] = {{0.42F, 0.22F, 0.42F}, {0.98F, 0.58F, 0.22F}, {0.88F, 0.55F, 0.42F}, 0.06F},
    [STARRY] = {{0.02F, 0.02F, 0.1F}, {0.08F, 0.09F, 0.22F}, {0.28F, 0.3F, 0.45F}, 0.0F},
};

static struct rgb lit(const struct view *v, float r, float g, float b)
{
    return (struct rgb){r * v->light.r, g * v->light.g, b * v->light.b};
}

/* A colour of the ground under the view's snow. */
static struct rgb snowed(const struct view *v, float r, float g, float b)
{
    struct rgb white = lit(v, 0.93F, 0.95F, 1.0F);
    return rgb_mix(lit(v, r, g, b), white, v->snow);
}

static void put(const struct view *v, enum primitive primitive, struct rgb colour, float a, float b, float c,
                float d, float e, float f)
{
    const float p[6] = {a, b, c, d, e, f};
    part_draw(v->c, primitive, p, colour, 1.0F);
}

/* ---------------------------------------------------------------- sky and ground */

static void sky_draw(const struct view *v, const struct sky *sky)
{
    for (int y = 0; y < v->c->px; y++) {
        float t = clamp01((canvas_at(v->c, y) + 1.0F) / (v->horizon + 1.0F));
        struct rgb colour = rgb_mix(sky->above, sky->low, t);
        for (int x = 0; x < v->c->px; x++)
            canvas_set(v->c, x, y, colour);
    }
}

/* Bands across (or, for furrows, towards the horizon) in two colours. */
static void ground_fill(const struct view *v, struct rgb a, struct rgb b, float bands, float furrows)
{
    float phase = draw_float(v->r, 0.0F, 1.0F);
    for (int y = 0; y < v->c->px; y++) {
        float depth = canvas_at(v->c, y) - v->horizon;
        if (depth <= 0.0F)
            continue;
        float across = wavef(bands / (depth + 0.3F) + phase);
        for (int x = 0; x < v->c->px; x++) {
            float u = canvas_at(v->c, x);
            float along = furrows > 0.0F ? wavef(furrows * u / (depth + 0.15F) + phase) * 1.6F : across;
            float mottle = noise_at(&v->noise, u * 4.0F + 8.0F, depth * 9.0F) - 0.5F;
            canvas_set(v->c, x, y, rgb_mix(a, b, clamp01(0.5F + 0.45F * along + 0.5F * mottle)));
        }
    }
}

/* ---------------------------------------------------------------- things */

static void tree(const struct view *v, float x, float y, float h)
{
    put(v, BOX, lit(v, 0.35F, 0.22F, 0.12F), x, y - 0.1F * h, 0.06F * h, 0.14F * h, 0, 0);
    struct rgb green = snowed(v, 0.1F, draw_float(v->r, 0.32F, 0.48F), 0.14F);
    put(v, TRI, green, x - 0.34F * h, y - 0.15F * h, x + 0.34F * h, y - 0.15F * h, x, y - 0.8F * h);
    put(v, TRI, green, x - 0.26F * h, y - 0.5F * h, x + 0.26F * h, y - 0.5F * h, x, y - 1.1F * h);
}

static void house(const struct view *v, float x, float y, float h)
{
    float tone = draw_float(v->r, 0.65F, 0.95F);
    put(v, BOX, lit(v, tone, tone * 0.92F, tone * 0.75F), x, y - 0.3F * h, 0.42F * h, 0.3F * h, 0, 0);
    put(v, TRI, snowed(v, 0.62F, 0.22F, 0.16F), x - 0.58F * h, y - 0.56F * h, x + 0.58F * h, y - 0.56F * h, x,
        y - 1.05F * h);
    put(v, BOX, lit(v, 0.3F, 0.18F, 0.12F), x - 0.15F * h, y - 0.14F * h, 0.09F * h, 0.16F * h, 0, 0);
    put(v, BOX, (struct rgb){0.9F, 0.82F, 0.45F}, x + 0.18F * h, y - 0.32F * h, 0.1F * h, 0.09F * h, 0, 0);
}

static void tower(const struct view *v, float x, float y, float w, float h)
{
    float tone = draw_float(v->r, 0.35F, 0.65F);
    put(v, BOX, lit(v, tone, tone, tone * 1.1F), x, y - h * 0.5F, w, h * 0.5F, 0, 0);
    float wy = y - h + 0.08F;
    while (wy < y - 0.05F) {
        float wx = x - w + 0.08F;
        while (wx < x + w - 0.04F) {
            if (draw_bool(v->r, 0.7F))
                put(v, BOX, (struct rgb){0.92F, 0.85F, 0.5F}, wx, wy, 0.03F, 0.035F, 0, 0);
            wx += 0.13F;
        }
        wy += 0.15F;
    }
}

static void boat(const struct view *v, float x, float y, float h)
{
    put(v, BOX, lit(v, 0.3F, 0.2F, 0.14F), x, y - 0.6F * h, 0.03F * h, 0.5F * h, 0, 0);
    put(v, TRI, lit(v, 0.95F, 0.95F, 0.92F), x + 0.06F * h, y - 1.1F * h, x + 0.06F * h, y - 0.25F * h,
        x + 0.55F * h, y - 0.25F * h);
    put(v, TRAP, lit(v, draw_float(v->r, 0.4F, 0.8F), 0.2F, 0.2F), x, y, 0.6F * h, 0.38F * h, 0.15F * h, 0);
}

static void peak(const struct view *v, float x)
{
    float w = draw_float(v->r, 0.5F, 0.85F);
    float h = draw_float(v->r, 0.6F, 1.0F);
    float y = v->horizon + 0.05F;
    float tone = draw_float(v->r, 0.36F, 0.5F);
    put(v, TRI, lit(v, tone, tone * 0.95F, tone * 1.02F), x - w, y, x + w, y, x, y - h);
    float cap = v->snow > 0.0F ? 0.65F : 0.3F;
    put(v, TRI, lit(v, 0.95F, 0.96F, 1.0F), x - w * cap, y - h * (1.0F - cap), x + w * cap,
        y - h * (1.0F - cap), x, y - h);
}

static void cactus(const struct view *v, float x, float y, float h)
{
    struct rgb green = snowed(v, 0.2F, 0.48F, 0.22F);
    put(v, LINE, green, x, y, x, y - h, 0.1F * h, 0);
    put(v, LINE, green, x, y - 0.4F * h, x + 0.32F * h, y - 0.45F * h, 0.08F * h, 0);
    put(v, LINE, green, x + 0.32F * h, y - 0.45F * h, x + 0.32F * h, y - 0.8F * h, 0.08F * h, 0);
    put(v, LINE, green, x, y - 0.55F * h, x - 0.3F * h, y - 0.6F * h, 0.08F * h, 0);
}

static void palm(const struct view *v, float x, float y, float h)
{
    float top = x + 0.2F * h;
    put(v, LINE, lit(v, 0.45F, 0.3F, 0.16F), x, y, top, y - h, 0.06F * h, 0);
    for (int i = -2; i <= 2; i++)
        put(v, LINE, lit(v, 0.14F, 0.5F, 0.2F), top, y - h, top + 0.24F * h * (float)i,
            y - h * (i == 0 ? 1.3F : 0.9F + 0.1F * (float)(i * i == 1)), 0.06F * h, 0);
}

typedef void thing(const struct view *v, float x, float y, float h);

/* Several things of one kind, distant ones first and small. */
static void row_of(const struct view *v, thing *draw, int n, float nearest, float size)
{
    for (int i = 0; i < n; i++) {
        float depth = ((float)i + draw_float(v->r, 0.2F, 0.8F)) / (float)n;
        float y = v->horizon + 0.06F + depth * (nearest - v->horizon);
        draw(v, draw_float(v->r, -1.0F, 1.0F), y, size * (0.45F + 0.75F * depth));
    }
}

/* ---------------------------------------------------------------- places */

static void ground_of(const struct view *v, enum landscape place)
{
    struct rgb grass = snowed(v, 0.25F, 0.48F, 0.18F);
    struct rgb meadow = snowed(v, 0.34F, 0.58F, 0.24F);
    struct rgb sand = snowed(v, 0.88F, 0.76F, 0.5F);
    switch (place) {
    case BEACH:
        ground_fill(v, sand, snowed(v, 0.94F, 0.84F, 0.62F), 0.6F, 0.0F);
        put(v, BOX, lit(v, 0.12F, 0.45F, 0.7F), 0, v->horizon + 0.14F, 1.2F, 0.14F, 0, 0);
        put(v, BOX, lit(v, 0.9F, 0.95F, 0.97F), 0, v->horizon + 0.3F, 1.2F, 0.025F, 0, 0);
        break;
    case HARBOR:
        ground_fill(v, lit(v, 0.1F, 0.32F, 0.52F), lit(v, 0.25F, 0.5F, 0.66F), 1.6F, 0.0F);
        put(v, BOX, snowed(v, 0.5F, 0.36F, 0.22F), 0, 0.93F, 1.2F, 0.1F, 0, 0);
        break;
    case FIELD:
        ground_fill(v, snowed(v, 0.42F, 0.3F, 0.14F), snowed(v, 0.72F, 0.68F, 0.2F), 0.0F, 1.3F);
        break;
    case DESERT:
        ground_fill(v, snowed(v, 0.8F, 0.52F, 0.26F), snowed(v, 0.93F, 0.68F, 0.38F), 0.9F, 0.0F);
        break;
    case CITY:
        ground_fill(v, snowed(v, 0.3F, 0.3F, 0.32F), snowed(v, 0.36F, 0.36F, 0.38F), 0.3F, 0.0F);
        put(v, TRI, lit(v, 0.85F, 0.82F, 0.4F), -0.06F, 1, 0.06F, 1, 0, v->horizon);
        break;
    case FOREST:
    case MOUNTAIN:
    case VILLAGE:
        ground_fill(v, grass, meadow, 0.4F, 0.0F);
        break;
    }
}

static void things_of(const struct view *v, enum landscape place)
{
    switch (place) {
    case BEACH:
        row_of(v, palm, 1 + draw_int(v->r, 2), 0.9F, 0.8F);
        break;
    case HARBOR:
        row_of(v, boat, 3 + draw_int(v->r, 2), 0.65F, 0.55F);
        break;
    case FIELD:
        row_of(v, draw_bool(v->r, 0.5F) ? tree : house, 1, 0.0F, 0.4F);
        break;
    case DESERT:
        row_of(v, cactus, 2 + draw_int(v->r, 2), 0.8F, 0.6F);
        break;
    case CITY:
        for (int i = 0; i < 6; i++) {
            float x = -0.95F + 0.38F * (float)i + draw_float(v->r, -0.08F, 0.08F);
            float w = draw_float(v->r, 0.14F, 0.22F);
            tower(v, x, v->horizon + 0.12F, w, draw_float(v->r, 0.5F, 1.05F));
        }
        break;
    case FOREST:
        row_of(v, tree, 9 + draw_int(v->r, 4), 0.95F, 0.95F);
        break;
    case MOUNTAIN:
        row_of(v, tree, 2, 0.8F, 0.35F);
        break;
    case VILLAGE:
        row_of(v, house, 4 + draw_int(v->r, 2), 0.85F, 0.55F);
        break;
    }
}

/* ---------------------------------------------------------------- weather */

static void clouds(const struct view *v, struct rgb colour, int n)
{
    for (int i = 0; i < n; i++) {
        float x = draw_float(v->r, -1.0F, 1.0F);
        float y = draw_float(v->r, -0.95F, v->horizon - 0.25F);
        float w = draw_float(v->r, 0.2F, 0.35F);
        put(v, DISC, colour, x, y, w, w * 0.35F, 0, 0);
        put(v, DISC, colour, x + w * 0.35F, y - w * 0.25F, w * 0.5F, w * 0.35F, 0, 0);
    }
}

static void behind(const struct view *v, enum weather weather)
{
    float x = draw_float(v->r, -0.8F, 0.8F);
    float y = draw_float(v->r, -0.85F, -0.5F);
    if (weather == SUNNY)
        put(v, DISC, (struct rgb){1.0F, 0.95F, 0.55F}, x, y, 0.17F, 0.17F, 0, 0);
    if (weather == DUSKY)
        put(v, DISC, (struct rgb){1.0F, 0.45F, 0.15F}, x, v->horizon - 0.08F, 0.2F, 0.2F, 0, 0);
    if (weather == CLOUDY)
        clouds(v, (struct rgb){0.9F, 0.9F, 0.92F}, 5);
    if (weather == STORMY) {
        clouds(v, (struct rgb){0.22F, 0.21F, 0.28F}, 5);
        put(v, TRI, (struct rgb){1.0F, 1.0F, 0.7F}, x, -0.9F, x - 0.16F, y + 0.35F, x + 0.04F, y + 0.3F);
        put(v, TRI, (struct rgb){1.0F, 1.0F, 0.7F}, x - 0.06F, v->horizon, x + 0.1F, y + 0.2F, x - 0.1F,
            y + 0.25F);
    }
    if (weather == STARRY) {
        put(v, MOON, (struct rgb){0.95F, 0.93F, 0.75F}, x, y, 0.14F, x + 0.07F, y - 0.03F, 0.12F);
        for (int i = 0; i < 24; i++) {
            float star = draw_float(v->r, -1.0F, 1.0F);
            put(v, DISC, (struct rgb){1.0F, 1.0F, 0.95F}, star, draw_float(v->r, -1.0F, v->horizon), 0.022F,
                0.022F, 0, 0);
        }
    }
}

static void before(const struct view *v, enum weather weather)
{
    for (int i = 0; weather == RAINY && i < 36; i++) {
        float x = draw_float(v->r, -1.0F, 1.1F);
        float y = draw_float(v->r, -1.0F, 1.0F);
        const float p[6] = {x, y, x - 0.08F, y + 0.26F, 0.012F, 0};
        part_draw(v->c, LINE, p, (struct rgb){0.8F, 0.86F, 0.95F}, 0.75F);
    }
    for (int i = 0; weather == SNOWY && i < 40; i++) {
        float size = draw_float(v->r, 0.02F, 0.045F);
        float x = draw_float(v->r, -1.0F, 1.0F);
        put(v, DISC, (struct rgb){1.0F, 1.0F, 1.0F}, x, draw_float(v->r, -1.0F, 1.0F), size, size, 0, 0);
    }
}

/* Haze, densest in the distance. */
static void haze(const struct view *v, const struct sky *sky)
{
    for (int y = 0; y < v->c->px; y++) {
        float far = 1.0F - 0.5F * clamp01((canvas_at(v->c, y) - v->horizon) / (1.0F - v->horizon));
        for (int x = 0; x < v->c->px; x++)
            canvas_set(v->c, x, y, rgb_mix(canvas_get(v->c, x, y), sky->low, sky->haze * far));
    }
}

void landscape_draw(struct canvas *c, enum landscape place, enum weather weather, struct rng *r)
{
    const struct sky *sky = &skies[weather];
    struct view v = {.c = c, .r = r, .horizon = draw_float(r, -0.2F, 0.15F), .light = sky->light};
    noise_init(&v.noise, r);
    v.snow = weather == SNOWY ? 0.75F : 0.0F;
    sky_draw(&v, sky);
    behind(&v, weather);
    for (int i = 0; place == MOUNTAIN && i < 3; i++)
        peak(&v, draw_float(r, -0.9F, 0.9F));
    ground_of(&v, place);
    things_of(&v, place);
    haze(&v, sky);
    before(&v, weather);
}
