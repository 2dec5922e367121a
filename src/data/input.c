/* From a file to the model's input. */
#include "prompt/data/input.h"

#include "prompt/base/rng.h"
#include "prompt/image/transform.h"

int input_read(float *out, struct image *picture, const char *path, const struct input_options *o,
               uint64_t epoch, uint64_t item)
{
    struct image input = {0};
    const bool is_decoded = picture->pixels != NULL;
    int status = is_decoded ? OK : image_read(picture, path);
    if (status == OK && !is_decoded && o->apply_orientation)
        status = image_turn(picture, picture->orientation);
    if (status == OK && o->augment) {
        struct rng rng;
        rng_init(&rng, o->seed, RNG_AUGMENT, epoch, item);
        status = transform_train(&input, picture, &o->preprocess, o->crop_scale_min, &rng);
    } else if (status == OK) {
        status = transform_test(&input, picture, &o->preprocess);
    }
    if (status == OK)
        transform_normalize(out, &input, &o->preprocess);
    image_free(&input);
    return status;
}
