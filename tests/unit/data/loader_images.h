/** The images that the tests of the loader read. */
#ifndef PROMPT_TESTS_LOADER_IMAGES_H
#define PROMPT_TESTS_LOADER_IMAGES_H

#include "image_files.h"
#include "prompt/base/digest.h"
#include "prompt/data/loader.h"

enum { N_IMAGES = 22, PX = 16, FLOATS = 3 * PX * PX };

/* A folder with N_IMAGES images of different sizes and the list of them, label = number % 3. */
struct images {
    void *folder;
    struct item_list items;
};

static inline int make_images(void **state)
{
    struct images *w = calloc(1, sizeof *w);
    if (!w || make_folder(&w->folder) != 0)
        return -1;
    for (int64_t i = 0; i < N_IMAGES; i++) {
        struct image image = noise_image(20 + i, 40 - i, (uint32_t)i + 1);
        char *name = str_format("%02d.bmp", (int)i);
        free(write_bmp(w->folder, name, &image));
        if (item_list_add(&w->items, name, i % 3) != OK)
            return -1;
        free(name);
        image_free(&image);
    }
    *state = w;
    return 0;
}

static inline int remove_images(void **state)
{
    struct images *w = *state;
    item_list_free(&w->items);
    int result = remove_folder(&w->folder);
    free(w);
    return result;
}

/* Overwrites image `i` with a file that is not an image. */
static inline void spoil(const struct images *w, size_t i)
{
    free(write_file(w->folder, w->items.items[i].path, "no image, but long enough to be looked at", 41));
}

static inline struct loader_options training(void)
{
    return (struct loader_options){
        .input = {.preprocess = preprocess_default(PX), .augment = true, .crop_scale_min = 0.3, .seed = 1},
        .batch_size = 4,
        .shuffle = true,
        .n_workers = 3};
}

static inline struct loader *open_loader(const struct images *w, const struct loader_options *options)
{
    struct loader *loader = NULL;
    if (loader_open(&loader, &w->items, w->folder, options) != OK)
        fail_msg("%s", error_message());
    return loader;
}

/* SHA-256 over the contents of epochs first_epoch .. + n_epochs, from `first_batch` on. */
static inline void digest_epochs(char hex[DIGEST_HEX_SIZE], const struct images *w,
                                 const struct loader_options *options, int64_t first_epoch, int64_t n_epochs,
                                 int64_t first_batch)
{
    struct loader *loader = open_loader(w, options);
    struct digest *digest = NULL;
    assert_int_equal(digest_open(&digest), OK);
    for (int64_t epoch = first_epoch; epoch < first_epoch + n_epochs; epoch++) {
        struct batch batch = {.n = 1};
        assert_int_equal(loader_start(loader, epoch, first_batch), OK);
        while (loader_next(&batch, loader) == OK && batch.n > 0) {
            digest_update(digest, &batch.index, sizeof batch.index);
            digest_update(digest, batch.pixels, (size_t)batch.n * FLOATS * sizeof *batch.pixels);
            digest_update(digest, batch.labels, (size_t)batch.n * sizeof *batch.labels);
            digest_update(digest, batch.items, (size_t)batch.n * sizeof *batch.items);
        }
        assert_int_equal(batch.n, 0);
    }
    assert_int_equal(digest_close(hex, digest), OK);
    loader_close(loader);
}

/* The test with a folder of images of its own. */
#define test(name) cmocka_unit_test_setup_teardown(name, make_images, remove_images)

#endif
