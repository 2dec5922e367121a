/* Draws a scene: ground, clutter, shadow, object, an occluder, light, camera. */
#include "scene.h"

#include "figure.h"
#include "ground.h"
#include "shapes.h"

const struct subject_axes subject_axes[N_SUBJECTS] = {
    [SUBJECT_EMBLEM] = {AXIS_COLOUR, AXIS_EMBLEM},   [SUBJECT_BADGE] = {AXIS_EMBLEM, AXIS_HOLDER},
    [SUBJECT_ANIMAL] = {AXIS_COAT, AXIS_ANIMAL},     [SUBJECT_VEHICLE] = {AXIS_COLOUR, AXIS_VEHICLE},
    [SUBJECT_FLOWER] = {AXIS_COLOUR, AXIS_FLOWER},   [SUBJECT_FOOD] = {AXIS_FLAVOUR, AXIS_FOOD},
    [SUBJECT_PLANE] = {AXIS_PLANE, AXIS_SERIES},     [SUBJECT_LANDSCAPE] = {AXIS_WEATHER, AXIS_LANDSCAPE},
    [SUBJECT_TEXTURE] = {AXIS_COLOUR, AXIS_PATTERN}, [SUBJECT_LAND] = {AXIS_LAND, AXIS_FEATURE},
    [SUBJECT_ACTION] = {AXIS_ACTION, AXIS_PROP},
};

static const struct rgb flavours[] = {
    {0.82F, 0.1F, 0.2F},   {0.5F, 0.85F, 0.55F}, {0.96F, 0.9F, 0.3F},   {0.36F, 0.2F, 0.12F},
    {0.97F, 0.94F, 0.84F}, {0.45F, 0.16F, 0.5F}, {0.98F, 0.66F, 0.42F}, {0.24F, 0.3F, 0.7F},
};
static const struct rgb series[] = {
    {0.88F, 0.1F, 0.12F}, {0.12F, 0.25F, 0.85F}, {0.98F, 0.82F, 0.1F},
    {0.1F, 0.6F, 0.22F},  {0.98F, 0.5F, 0.05F},  {0.1F, 0.1F, 0.12F},
};

/* ---------------------------------------------------------------- values */

struct scene scene_of(enum subject subject)
{
    struct scene s = {.subject = subject, .difficulty = {1.0F, 1.0F}};
    for (int i = 0; i < N_AXES; i++)
        s.traits.value[i] = -1;
    return s;
}

static void give(struct scene *s, enum axis axis, struct rng *r)
{
    int drawn = draw_int(r, (int)axis_size(axis));
    if (s->traits.value[axis] < 0)
        s->traits.value[axis] = drawn;
}

void scene_complete(struct scene *s, struct rng *r)
{
    bool is_patterned = draw_bool(r, 0.55F);
    give(s, subject_axes[s->subject].first, r);
    give(s, subject_axes[s->subject].second, r);
    if (s->subject == SUBJECT_EMBLEM && is_patterned)
        give(s, AXIS_PATTERN, r);
    if (s->subject == SUBJECT_BADGE || s->subject == SUBJECT_ANIMAL)
        give(s, AXIS_COLOUR, r);
    if (s->subject != SUBJECT_LANDSCAPE && s->subject != SUBJECT_TEXTURE && s->subject != SUBJECT_LAND)
        give(s, AXIS_SETTING, r);
    s->is_small = draw_bool(r, 0.4F);
}

/* ---------------------------------------------------------------- brushes */

/* A second colour that differs clearly from the first. */
static struct rgb other_than(struct rgb colour, struct rng *r)
{
    bool is_dark = draw_bool(r, 0.5F) || colour.r + colour.g + colour.b > 2.1F;
    return is_dark ? rgb_scale(colour, 0.3F) : rgb_mix(colour, (struct rgb){1.0F, 1.0F, 1.0F}, 0.72F);
}

static void brush_init(struct brush *b, struct noise *noise, struct rgb colour, struct rng *r)
{
    noise_init(noise, r);
    *b = (struct brush){.noise = noise};
    b->frequency = draw_float(r, 1.7F, 2.6F);
    b->phase = draw_float(r, 0.0F, 1.0F);
    struct rgb second = other_than(colour, r);
    const struct rgb fixed[N_PAINTS] = {
        [MAIN] = colour,
        [SECOND] = second,
        [HEAD] = colour,
        [FOOT] = colour,
        [MARK] = colour,
        [DARK] = {0.12F, 0.12F, 0.14F},
        [LIGHT] = {0.9F, 0.9F, 0.88F},
        [GLASS] = {0.6F, 0.78F, 0.88F},
        [CRUST] = {0.85F, 0.65F, 0.35F},
        [STEM] = {0.16F, 0.45F, 0.14F},
    };
    for (int i = 0; i < N_PAINTS; i++)
        b->paints[i] = (struct paint){fixed[i], second, -1};
}

static void wear_coat(struct brush *b, enum coat coat)
{
    static const int patterns[] = {
        [COAT_SMOOTH] = -1,       [COAT_TABBY] = STRIPED, [COAT_SPOTTED] = DOTTED,
        [COAT_PATCHED] = BLOTCHY, [COAT_MASKED] = -1,     [COAT_SOCKED] = -1,
    };
    b->paints[MAIN].pattern = b->paints[HEAD].pattern = b->paints[FOOT].pattern = patterns[coat];
    if (coat == COAT_MASKED)
        b->paints[HEAD].a = b->paints[HEAD].b;
    if (coat == COAT_SOCKED)
        b->paints[FOOT].a = b->paints[FOOT].b;
}

/* ---------------------------------------------------------------- around the object */

static void clutter_draw(struct canvas *c, float amount, float largest, struct rng *r)
{
    int n = (int)(amount * draw_float(r, 0.0F, 5.0F));
    for (int i = 0; i < n; i++) {
        float p[6] = {0};
        p[0] = draw_float(r, -1.0F, 1.0F);
        p[1] = draw_float(r, -1.0F, 1.0F);
        p[2] = draw_float(r, 0.05F, largest);
        p[3] = draw_float(r, 0.05F, largest);
        struct rgb colour = draw_colour(r);
        part_draw(c, draw_bool(r, 0.5F) ? DISC : BOX, p, colour, 0.9F);
    }
}

/* A bar across the picture, past the object's middle. */
static void occluder_draw(struct canvas *c, const struct frame *f, float amount, struct rng *r)
{
    if (!draw_bool(r, 0.22F * amount))
        return;
    struct frame bar = *f;
    frame_turn(&bar, draw_float(r, -1.0F, 1.0F));
    float away = draw_float(r, 0.2F, 0.8F) * f->scale;
    float x = f->x - bar.sin * away;
    float y = f->y + bar.cos * away;
    const float p[6] = {
        x - 3.0F * bar.cos, y - 3.0F * bar.sin, x + 3.0F * bar.cos, y + 3.0F * bar.sin, 0.0F, 0.0F};
    const float half_width = draw_float(r, 0.03F, 0.09F);
    const float line[6] = {p[0], p[1], p[2], p[3], half_width, 0.0F};
    struct rgb colour = draw_colour(r);
    part_draw(c, LINE, line, colour, 1.0F);
}

/* Light from one side. */
static void light_draw(struct canvas *c, struct rng *r)
{
    float u = draw_float(r, -0.22F, 0.22F);
    float v = draw_float(r, -0.22F, 0.22F);
    float whole = draw_float(r, 0.78F, 1.15F);
    struct rgb tint = draw_tone(r, (struct rgb){0.94F, 0.94F, 0.94F}, 0.06F);
    for (int y = 0; y < c->px; y++) {
        for (int x = 0; x < c->px; x++) {
            float light = whole * (1.0F + u * canvas_at(c, x) + v * canvas_at(c, y));
            struct rgb p = canvas_get(c, x, y);
            canvas_set(c, x, y,
                       (struct rgb){p.r * light * tint.r, p.g * light * tint.g, p.b * light * tint.b});
        }
    }
}

/* ---------------------------------------------------------------- objects */

static struct frame object_frame(const struct scene *s, struct rng *r)
{
    float scale =
        (s->is_small ? draw_float(r, 0.36F, 0.5F) : draw_float(r, 0.54F, 0.78F)) * s->difficulty.scale;
    float room = maxf(0.05F, 0.95F - scale);
    struct frame f = frame_at(0.0F, 0.0F, scale);
    f.x = draw_float(r, -room, room) * 0.8F;
    f.y = draw_float(r, -room, room) * 0.8F;
    bool has_direction =
        s->subject == SUBJECT_ANIMAL || s->subject == SUBJECT_VEHICLE || s->subject == SUBJECT_ACTION;
    bool is_seen_from_above = s->subject == SUBJECT_PLANE;
    f.flip = draw_bool(r, 0.5F) && (has_direction || is_seen_from_above) ? -1.0F : 1.0F;
    f.stretch = draw_float(r, 0.85F, 1.12F);
    float tilt = is_seen_from_above ? 0.35F : has_direction ? 0.08F : 0.2F;
    frame_turn(&f, draw_float(r, -tilt, tilt));
    return f;
}

static struct rgb main_colour(const struct scene *s, struct rng *r)
{
    const int *value = s->traits.value;
    struct rgb colour = {0.8F, 0.82F, 0.85F}; /* a plane's */
    if (s->subject == SUBJECT_FOOD)
        colour = flavours[value[AXIS_FLAVOUR]];
    else if (s->subject != SUBJECT_PLANE)
        colour = colour_of(value[AXIS_COLOUR]);
    return draw_tone(r, colour, 0.07F);
}

static void object_draw(struct canvas *c, const struct scene *s, const struct frame *f, struct rng *r)
{
    const int *value = s->traits.value;
    enum axis axis = subject_axes[s->subject].second;
    if (s->subject == SUBJECT_PLANE)
        axis = AXIS_PLANE;
    struct noise noise;
    struct brush brush;
    struct rgb colour = main_colour(s, r);
    brush_init(&brush, &noise, colour, r);
    if (s->subject == SUBJECT_EMBLEM)
        brush.paints[MAIN].pattern = value[AXIS_PATTERN];
    if (s->subject == SUBJECT_ANIMAL)
        wear_coat(&brush, (enum coat)value[AXIS_COAT]);
    if (s->subject == SUBJECT_PLANE)
        brush.paints[MARK].a = draw_tone(r, series[value[AXIS_SERIES]], 0.05F);
    const struct shape *shape = shape_of(axis, value[axis]);
    shape_shadow(c, shape, f, 0.07F, 0.4F);
    shape_draw(c, shape, f, &brush);
    if (s->subject == SUBJECT_BADGE) {
        struct spot spot = holder_spot(value[AXIS_HOLDER]);
        struct frame inner = frame_inside(f, spot.x, spot.y, spot.scale);
        brush.paints[MAIN].a = brush.paints[STEM].a = brush.paints[SECOND].a;
        shape_draw(c, shape_of(AXIS_EMBLEM, value[AXIS_EMBLEM]), &inner, &brush);
    }
}

/* Draws a scene of one object on a ground. */
static void object_scene_draw(struct canvas *c, const struct scene *s, struct rng *r)
{
    const int *value = s->traits.value;
    ground_draw(c, (enum setting)value[AXIS_SETTING], r);
    struct frame f = object_frame(s, r);
    clutter_draw(c, s->difficulty.clutter, 0.05F + 0.1F * s->difficulty.clutter, r);
    if (s->subject == SUBJECT_ACTION)
        figure_draw(c, value[AXIS_ACTION], value[AXIS_PROP], &f, r);
    else
        object_draw(c, s, &f, r);
    occluder_draw(c, &f, s->difficulty.clutter, r);
}

static void texture_scene_draw(struct canvas *c, const struct scene *s, struct rng *r)
{
    struct rgb a = draw_tone(r, colour_of(s->traits.value[AXIS_COLOUR]), 0.07F);
    struct rgb b = other_than(a, r);
    texture_draw(c, s->traits.value[AXIS_PATTERN], a, b, r);
}

void scene_draw(struct canvas *c, const struct scene *s, const struct camera *camera, struct rng *r)
{
    const int *value = s->traits.value;
    switch (s->subject) {
    case SUBJECT_LANDSCAPE:
        landscape_draw(c, (enum landscape)value[AXIS_LANDSCAPE], (enum weather)value[AXIS_WEATHER], r);
        break;
    case SUBJECT_TEXTURE:
        texture_scene_draw(c, s, r);
        break;
    case SUBJECT_LAND:
        land_draw(c, (enum land)value[AXIS_LAND], (enum feature)value[AXIS_FEATURE], r);
        break;
    case SUBJECT_EMBLEM:
    case SUBJECT_BADGE:
    case SUBJECT_ANIMAL:
    case SUBJECT_VEHICLE:
    case SUBJECT_FLOWER:
    case SUBJECT_FOOD:
    case SUBJECT_PLANE:
    case SUBJECT_ACTION:
        object_scene_draw(c, s, r);
        break;
    case N_SUBJECTS:
        break;
    }
    light_draw(c, r);
    camera_take(c, camera, r);
}
