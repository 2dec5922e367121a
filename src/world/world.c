/* The pre-training stream: one stream of random numbers for the picture, one for its caption. */
#include "prompt/world/world.h"

#include <stdlib.h>

#include "scene.h"

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
