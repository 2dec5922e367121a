/* The stick figure: a pose gives the positions of its joints. */
#include "figure.h"

#include "axes.h"
#include "shapes.h"

/* In the figure's coordinates, y down; left and right are the viewer's. */
struct pose {
    float head[2], neck[2], hip[2];
    float elbow[2][2], hand[2][2], knee[2][2], foot[2][2];
    float prop[3]; /* place and half-size */
};

static const struct pose poses[] = {
    /* waving: one arm high, the other with the prop */
    {{0, -0.75F},
     {0, -0.5F},
     {0, 0.1F},
     {{-0.3F, -0.65F}, {0.25F, -0.2F}},
     {{-0.4F, -1}, {0.5F, -0.15F}},
     {{-0.12F, 0.5F}, {0.12F, 0.5F}},
     {{-0.15F, 0.95F}, {0.15F, 0.95F}},
     {0.75F, -0.15F, 0.24F}},
    /* jumping: arms and legs spread, high above a shadow */
    {{0, -0.85F},
     {0, -0.6F},
     {0, -0.1F},
     {{-0.35F, -0.75F}, {0.35F, -0.75F}},
     {{-0.65F, -0.95F}, {0.65F, -0.95F}},
     {{-0.35F, 0.1F}, {0.35F, 0.1F}},
     {{-0.65F, 0.45F}, {0.65F, 0.45F}},
     {0, 0.72F, 0.24F}},
    /* kicking: one leg out */
    {{-0.25F, -0.75F},
     {-0.22F, -0.5F},
     {-0.12F, 0.1F},
     {{-0.5F, -0.35F}, {0.05F, -0.3F}},
     {{-0.7F, -0.1F}, {0.3F, -0.4F}},
     {{-0.15F, 0.5F}, {0.2F, 0.25F}},
     {{-0.2F, 0.95F}, {0.55F, 0.3F}},
     {0.82F, 0.2F, 0.25F}},
    /* running: leaning, legs apart */
    {{0.3F, -0.75F},
     {0.18F, -0.52F},
     {-0.08F, 0.05F},
     {{-0.15F, -0.35F}, {0.42F, -0.25F}},
     {{-0.35F, -0.1F}, {0.6F, -0.45F}},
     {{0.3F, 0.3F}, {-0.3F, 0.4F}},
     {{0.3F, 0.8F}, {-0.72F, 0.5F}},
     {0.78F, -0.5F, 0.22F}},
    /* sitting: on the floor, legs forward */
    {{-0.35F, -0.35F},
     {-0.35F, -0.1F},
     {-0.4F, 0.5F},
     {{-0.15F, 0.15F}, {-0.55F, 0.2F}},
     {{0.1F, 0.2F}, {-0.7F, 0.55F}},
     {{0.05F, 0.2F}, {0.1F, 0.5F}},
     {{0.25F, 0.65F}, {0.6F, 0.6F}},
     {0.4F, -0.05F, 0.26F}},
    /* kneeling: one knee down */
    {{-0.05F, -0.5F},
     {-0.05F, -0.25F},
     {-0.1F, 0.3F},
     {{-0.3F, 0}, {0.2F, -0.05F}},
     {{-0.35F, 0.3F}, {0.4F, 0.1F}},
     {{-0.2F, 0.75F}, {0.3F, 0.35F}},
     {{-0.65F, 0.85F}, {0.3F, 0.85F}},
     {0.65F, 0.15F, 0.24F}},
    /* lifting: both arms up, the prop above */
    {{0, -0.4F},
     {0, -0.15F},
     {0, 0.35F},
     {{-0.32F, -0.3F}, {0.32F, -0.3F}},
     {{-0.25F, -0.68F}, {0.25F, -0.68F}},
     {{-0.2F, 0.65F}, {0.2F, 0.65F}},
     {{-0.22F, 0.98F}, {0.22F, 0.98F}},
     {0, -0.85F, 0.27F}},
    /* lunging: low, one arm stretched out */
    {{-0.1F, -0.4F},
     {-0.1F, -0.15F},
     {-0.15F, 0.3F},
     {{-0.4F, -0.25F}, {0.2F, -0.15F}},
     {{-0.6F, -0.5F}, {0.5F, -0.15F}},
     {{0.35F, 0.4F}, {-0.5F, 0.6F}},
     {{0.35F, 0.9F}, {-0.9F, 0.9F}},
     {0.75F, -0.15F, 0.24F}},
};

static struct part limb(enum paint_role role, const float a[2], const float b[2])
{
    return (struct part){role, LINE, {a[0], a[1], b[0], b[1], 0.085F}};
}

void figure_draw(struct canvas *c, int action, int prop, const struct frame *f, struct rng *r)
{
    const struct pose *p = &poses[action];
    struct part parts[12];
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        parts[n++] = limb(SECOND, p->hip, p->knee[i]);
        parts[n++] = limb(SECOND, p->knee[i], p->foot[i]);
    }
    parts[n++] = (struct part){MAIN, LINE, {p->neck[0], p->neck[1] + 0.05F, p->hip[0], p->hip[1], 0.14F}};
    for (int i = 0; i < 2; i++) {
        parts[n++] = limb(MAIN, p->neck, p->elbow[i]);
        parts[n++] = limb(MAIN, p->elbow[i], p->hand[i]);
    }
    parts[n++] = (struct part){CRUST, DISC, {p->head[0], p->head[1], 0.17F, 0.19F}};
    struct brush brush = {0};
    for (int i = 0; i < N_PAINTS; i++)
        brush.paints[i].pattern = -1;
    brush.paints[MAIN].a = draw_colour(r);
    brush.paints[SECOND].a = draw_tone(r, (struct rgb){0.25F, 0.25F, 0.32F}, 0.2F);
    brush.paints[CRUST].a = draw_tone(r, (struct rgb){0.75F, 0.55F, 0.42F}, 0.12F);
    const struct shape body = {parts, n};
    shape_shadow(c, &body, f, 0.05F, 0.3F);
    shape_draw(c, &body, f, &brush);
    brush.paints[MAIN].a = colour_of(draw_int(r, (int)axis_size(AXIS_COLOUR)));
    brush.paints[SECOND].a = rgb_scale(brush.paints[MAIN].a, 0.45F);
    brush.paints[DARK].a = (struct rgb){0.12F, 0.12F, 0.14F};
    brush.paints[LIGHT].a = (struct rgb){0.96F, 0.96F, 0.95F};
    struct frame held = frame_inside(f, p->prop[0], p->prop[1], p->prop[2]);
    frame_turn(&held, draw_float(r, -0.25F, 0.25F));
    shape_draw(c, shape_of(AXIS_PROP, prop), &held, &brush);
}
