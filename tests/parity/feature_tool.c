/*
 * Features for the parity tests: feature_tool ENCODER MODEL MERGES IMAGES TEXTS OUT
 *
 * ENCODER is "fast" or "plain"; IMAGES and TEXTS are files of one path or text a line; MERGES "-" are those
 * that the program takes: the model's own, or the files beside it. Writes the pixel tensor of the test
 * transform [n,3,S,S], the token rows [K,T] (start, text, end, zeros), and both towers' features [n,d] and
 * [K,d], not normalized, as safetensors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/str.h"
#include "prompt/clip/clip.h"
#include "prompt/image/transform.h"
#include "prompt/methods/captions.h"
#include "prompt/text/merges_find.h"

enum { MAX_LINES = 4096, IMAGES_AT_A_TIME = 8 };

static void must(int status, const char *what)
{
    if (status == OK)
        return;
    fprintf(stderr, "feature_tool: %s: %s\n", what, error_message());
    exit(1);
}

struct lines {
    char *text;
    char *items[MAX_LINES];
    int64_t n;
};

static struct lines read_lines(const char *path)
{
    struct lines l = {0};
    size_t n = 0;
    must(file_read(&l.text, &n, path), path);
    for (char *at = l.text; *at != '\0' && l.n < MAX_LINES;) {
        l.items[l.n++] = at;
        char *end = strchr(at, '\n');
        if (!end)
            break;
        *end = '\0';
        at = end + 1;
    }
    return l;
}

static tensor *read_pixels(scope *s, const struct lines *paths, const struct preprocess *p)
{
    const int64_t size = p->image_px;
    const int64_t n_values = 3 * size * size;
    float *pixels = calloc((size_t)(paths->n * n_values), sizeof *pixels);
    if (!pixels)
        must(error_out_of_memory(), "pixels");
    for (int64_t i = 0; i < paths->n; i++) {
        struct image image = {0}, cropped = {0};
        must(image_read(&image, paths->items[i]), "image");
        must(transform_test(&cropped, &image, p), "transform");
        transform_normalize(pixels + i * n_values, &cropped, p);
        image_free(&image);
        image_free(&cropped);
    }
    tensor *t =
        t_from_f32(s, pixels, SHAPE(paths->n, 3, size, size), DTYPE_F32, (struct device){DEVICE_CPU, 0});
    free(pixels);
    return t;
}

/* The model's own vocabulary, unless `merges` names a file. */
static struct tokenizer *open_tokenizer(const struct weights *w, const char *model, const char *merges)
{
    const bool is_given = strcmp(merges, "-") != 0;
    struct tokenizer *t = NULL;
    char *path = NULL;
    if (!is_given && w->merges) {
        must(tokenizer_parse_small(&t, w->merges, w->words, w->path), "vocabulary");
        return t;
    }
    must(merges_find_file(&path, is_given ? merges : NULL, model, NULL), "merges");
    must(tokenizer_open(&t, path), "merges");
    free(path);
    return t;
}

static tensor *encode_images(scope *outer, const struct clip *c, const tensor *pixels)
{
    tensor *all = NULL;
    for (int64_t i = 0; i < t_size(pixels, 0); i += IMAGES_AT_A_TIME) {
        scope *s = scope_open(outer, SCOPE_GRAD_OFF);
        const int64_t left = t_size(pixels, 0) - i, n = left < IMAGES_AT_A_TIME ? left : IMAGES_AT_A_TIME;
        struct image_tokens tokens = clip_image_tokens(s, c, t_narrow(s, pixels, 0, i, n));
        tensor *x = clip_encode_image(s, c, NULL, tokens, NULL, 0);
        all = scope_keep(s, all ? t_cat(s, TENSORS(all, x), 0) : x);
        must(scope_close(s), "image features");
    }
    return all;
}

int main(int argc, char **argv)
{
    if (argc != 7 || (strcmp(argv[1], "plain") != 0 && strcmp(argv[1], "fast") != 0)) {
        fprintf(stderr, "usage: feature_tool ENCODER MODEL MERGES IMAGES TEXTS OUT\n");
        return 2;
    }
    const enum encoder encoder = strcmp(argv[1], "plain") == 0 ? ENCODER_PLAIN : ENCODER_FAST;
    must(torch_init(1), "threads");
    scope *s = scope_open(NULL, SCOPE_GRAD_OFF);
    struct weights *weights = NULL;
    struct clip *c = NULL;
    must(weights_open(&weights, s, argv[2], NULL), "weights");
    must(clip_create(&c, s, weights, (struct device){DEVICE_CPU, 0},
                     (struct clip_dtypes){.compute = DTYPE_F32, .accum = DTYPE_F32}, encoder),
         "model");
    struct tokenizer *tokenizer = open_tokenizer(weights, argv[2], argv[3]);

    struct lines images = read_lines(argv[4]), texts = read_lines(argv[5]);
    struct token_rows rows;
    must(caption_rows_create(&rows, tokenizer, texts.items, texts.n, "{}", c->dims.context_length), "texts");
    tensor *pixels = read_pixels(s, &images, &weights->preprocess);
    tensor *text_features = t_select(s, clip_encode_rows(s, c, &rows), 0, 0);
    tensor *tokens = t_from_i64(s, rows.ids, SHAPE(rows.n, rows.n_tokens), c->device);

    struct params out = {0};
    must(params_add(&out, "pixels", pixels), "pixels");
    must(params_add(&out, "image_features", encode_images(s, c, pixels)), "image features");
    must(params_add(&out, "text_features", text_features), "text features");
    must(params_add(&out, "tokens", tokens), "tokens");
    must(scope_status(s), "features");
    must(safetensors_write(argv[6], &out, NULL), argv[6]);

    params_free(&out);
    token_rows_free(&rows);
    free(images.text);
    free(texts.text);
    tokenizer_free(tokenizer);
    clip_free(c);
    weights_close(weights);
    must(scope_close(s), "close");
    return 0;
}
