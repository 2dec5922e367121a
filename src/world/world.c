/* The pre-training stream: one stream of random numbers for the picture, one for its caption. */
#include "prompt/world/world.h"

#include <stdlib.h>

#include "scene.h"

int canvas_init(struct canvas *c, int64_t px)
{
    *c = (struct canvas){0};
    if (px < WORLD_PX_MIN || px > WORLD_PX_MAX)
        return error_set(ERR_USAGE, "pictures of the world have %d to %d pixels a side, not %lld",
                         WORLD_PX_MIN, WORLD_PX_MAX, (long long)px);
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

int world_sample(uint8_t *rgb, struct str *caption, uint64_t seed, uint64_t index, int64_t px)
{
    struct canvas canvas;
    int status = canvas_init(&canvas, px);
    if (status != OK)
        return status;
    struct rng r;
    rng_init(&r, seed, RNG_WORLD, STREAM_PICTURE, index);
    struct sample sample;
    sample_draw(&sample, &r);
    struct camera camera = styles[sample.style].camera;
    camera.noise += draw_float(&r, 0.0F, 0.05F);
    scene_draw(&canvas, &sample.scene, &camera, &r);
    canvas_read(rgb, &canvas);
    canvas_free(&canvas);
    rng_init(&r, seed, RNG_WORLD, STREAM_CAPTION, index);
    caption_write(caption, &sample, &r);
    return str_status(caption);
}
