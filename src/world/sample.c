/* The scenes and styles of the pre-training stream. */
#include "scene.h"

const struct style styles[] = {
    {"photo", {CAMERA_PLAIN}},
    {"dark", {.gain = {0.35F, 0.35F, 0.4F}}},
    {"faded", {CAMERA_PLAIN, .contrast = 0.5F, .lift = 0.2F}},
    {"grainy", {CAMERA_PLAIN, .noise = 0.2F}},
    {"blurry", {CAMERA_PLAIN, .blur = 3}},
    {"negative", {CAMERA_PLAIN, .negative = 1.0F}},
    {"sketch", {CAMERA_PLAIN, .edges = 0.92F}},
    {"cartoon", {CAMERA_PLAIN, .levels = 4, .ink = 0.7F}},
    {NULL, {CAMERA_PLAIN}},
};

/* The frequency of each subject in percent. */
static const int shares[N_SUBJECTS] = {
    [SUBJECT_EMBLEM] = 18, [SUBJECT_BADGE] = 16, [SUBJECT_ANIMAL] = 8, [SUBJECT_VEHICLE] = 7,
    [SUBJECT_FLOWER] = 7,  [SUBJECT_FOOD] = 7,   [SUBJECT_PLANE] = 7,  [SUBJECT_LANDSCAPE] = 8,
    [SUBJECT_TEXTURE] = 8, [SUBJECT_LAND] = 7,   [SUBJECT_ACTION] = 7,
};

static enum subject subject_draw(struct rng *r)
{
    int left = draw_int(r, 100);
    int subject = 0;
    while (subject + 1 < N_SUBJECTS && left >= shares[subject])
        left -= shares[subject++];
    return (enum subject)subject;
}

void sample_draw(struct sample *out, struct rng *r)
{
    enum subject subject = subject_draw(r);
    do {
        out->scene = scene_of(subject);
        scene_complete(&out->scene, r);
    } while (traits_are_held_out(&out->scene.traits));
    int n_styles = 0;
    while (styles[n_styles].word)
        n_styles++;
    out->style = draw_bool(r, 0.66F) ? 0 : 1 + draw_int(r, n_styles - 1);
}
