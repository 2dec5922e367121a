/* Captions name the parts of a scene in varying words, with gaps and a few mistakes, like people's. */
#include "scene.h"

static void say(struct str *out, const char *words)
{
    if (out->len > 0 && words[0] != ',' && words[0] != '.')
        str_append_char(out, ' ');
    str_append(out, words);
}

static void say_value(struct str *out, const struct traits *t, enum axis axis, struct rng *r)
{
    const struct word *word = &axis_words[axis][t->value[axis]];
    say(out, draw_bool(r, 0.12F) ? word->synonym : word->name);
}

/* Names the value with this probability, if the scene has one. */
static void may_say_value(struct str *out, const struct traits *t, enum axis axis, float probability,
                          struct rng *r)
{
    if (draw_bool(r, probability) && t->value[axis] >= 0)
        say_value(out, t, axis, r);
}

/* ---------------------------------------------------------------- the subject */

static void say_emblem(struct str *out, const struct traits *t, struct rng *r)
{
    bool is_pattern_first = draw_bool(r, 0.15F);
    if (is_pattern_first)
        may_say_value(out, t, AXIS_PATTERN, 0.85F, r);
    may_say_value(out, t, AXIS_COLOUR, 0.7F, r);
    if (!is_pattern_first)
        may_say_value(out, t, AXIS_PATTERN, 0.85F, r);
    if (draw_bool(r, 0.05F))
        say(out, "thing");
    else
        say_value(out, t, AXIS_EMBLEM, r);
}

static void say_badge(struct str *out, const struct traits *t, struct rng *r)
{
    may_say_value(out, t, AXIS_COLOUR, 0.25F, r);
    if (draw_bool(r, 0.25F)) {
        say_value(out, t, AXIS_HOLDER, r);
        say(out, "with a");
        say_value(out, t, AXIS_EMBLEM, r);
        return;
    }
    may_say_value(out, t, AXIS_EMBLEM, 0.92F, r);
    say_value(out, t, AXIS_HOLDER, r);
}

static void say_plane(struct str *out, const struct traits *t, struct rng *r)
{
    say_value(out, t, AXIS_PLANE, r);
    if (draw_bool(r, 0.1F))
        return;
    if (draw_bool(r, 0.8F))
        say(out, "-");
    say_value(out, t, AXIS_SERIES, r);
}

static void say_texture(struct str *out, const struct traits *t, struct rng *r)
{
    bool is_pattern_first = draw_bool(r, 0.3F);
    say_value(out, t, is_pattern_first ? AXIS_PATTERN : AXIS_COLOUR, r);
    if (draw_bool(r, 0.5F))
        say(out, "-");
    say_value(out, t, is_pattern_first ? AXIS_COLOUR : AXIS_PATTERN, r);
    if (draw_bool(r, 0.7F))
        say(out, "texture");
}

static void say_pair(struct str *out, const struct scene *s, const char *between, struct rng *r)
{
    const struct subject_axes *axes = &subject_axes[s->subject];
    if (s->subject == SUBJECT_ANIMAL)
        may_say_value(out, &s->traits, AXIS_COLOUR, 0.25F, r);
    may_say_value(out, &s->traits, axes->first, 0.92F, r);
    if (between)
        say(out, between);
    say_value(out, &s->traits, axes->second, r);
}

static void say_subject(struct str *out, const struct scene *s, struct rng *r)
{
    bool has_size = draw_bool(r, 0.2F) && s->traits.value[AXIS_SETTING] >= 0 && s->subject != SUBJECT_ACTION;
    if (has_size)
        say(out, s->is_small ? "small" : "large");
    const struct traits *t = &s->traits;
    switch (s->subject) {
    case SUBJECT_EMBLEM:
        say_emblem(out, t, r);
        break;
    case SUBJECT_BADGE:
        say_badge(out, t, r);
        break;
    case SUBJECT_PLANE:
        say_plane(out, t, r);
        break;
    case SUBJECT_TEXTURE:
        say_texture(out, t, r);
        break;
    case SUBJECT_ACTION:
        say_pair(out, s, draw_bool(r, 0.35F) ? "a" : NULL, r);
        break;
    case SUBJECT_ANIMAL:
    case SUBJECT_VEHICLE:
    case SUBJECT_FLOWER:
    case SUBJECT_FOOD:
    case SUBJECT_LANDSCAPE:
    case SUBJECT_LAND:
        say_pair(out, s, NULL, r);
        break;
    case N_SUBJECTS:
        break;
    }
}

/* ---------------------------------------------------------------- around the subject */

/* Openings for subjects of one kind only; NULL: none. */
static const char *const openings[N_SUBJECTS][2] = {
    [SUBJECT_FOOD] = {"a photo of", "a photo of"},
    [SUBJECT_LAND] = {"a centered satellite photo of", "a satellite picture of"},
    [SUBJECT_ACTION] = {"a photo of a person doing", "a person"},
};
static const char *const types[N_SUBJECTS] = {
    [SUBJECT_ANIMAL] = ", a type of pet",
    [SUBJECT_FLOWER] = ", a type of flower",
    [SUBJECT_FOOD] = ", a type of food",
    [SUBJECT_PLANE] = ", a type of aircraft",
};

static void say_opening(struct str *out, const struct sample *s, struct rng *r)
{
    static const char *const usual[] = {
        "a photo of a", "a photo of a", "a photo of a", "a picture of a", "an image of a", "a", ""};
    const char *style = styles[s->style].word;
    const char *const *own = openings[s->scene.subject];
    if (s->style > 0 && draw_bool(r, 0.6F)) {
        /* a sketch, cartoon, negative */
        bool is_kind = style[0] == 's' || style[0] == 'c' || style[0] == 'n';
        str_appendf(out, is_kind ? "a %s of a" : "a %s photo of a", style);
    } else if (own[0] && draw_bool(r, 0.6F)) {
        str_append(out, own[draw_int(r, 2)]);
    } else if (s->scene.subject != SUBJECT_TEXTURE || draw_bool(r, 0.4F)) {
        str_append(out, usual[draw_int(r, 7)]);
    }
}

/* The scene as the writer sees it: sometimes with a wrong value, but never a held-out pair. */
static struct scene mistaken(const struct scene *s, struct rng *r)
{
    struct scene claimed = *s;
    const struct subject_axes *axes = &subject_axes[s->subject];
    enum axis axis = draw_bool(r, 0.5F) ? axes->first : axes->second;
    int value = draw_int(r, (int)axis_size(axis));
    if (draw_bool(r, 0.06F))
        claimed.traits.value[axis] = value;
    return traits_are_held_out(&claimed.traits) ? *s : claimed;
}

void caption_write(struct str *out, const struct sample *s, struct rng *r)
{
    str_clear(out);
    struct scene claimed = mistaken(&s->scene, r);
    say_opening(out, s, r);
    say_subject(out, &claimed, r);
    bool has_setting = draw_bool(r, 0.4F) && claimed.traits.value[AXIS_SETTING] >= 0;
    if (has_setting) {
        say(out, draw_bool(r, 0.75F) ? "on" : "in front of");
        say_value(out, &claimed.traits, AXIS_SETTING, r);
    }
    if (types[claimed.subject] && draw_bool(r, 0.35F))
        say(out, types[claimed.subject]);
    if (draw_bool(r, 0.8F))
        say(out, ".");
}
