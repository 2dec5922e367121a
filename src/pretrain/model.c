/* The model that pre-training starts from: sizes and seed of the recipe, a vocabulary, every tensor a
 * leaf. */
#include "model.h"

#include <stdlib.h>

#include "prompt/text/merges_find.h"
#include "prompt/world/world.h"

static const double START_LOG_SCALE = 2.6592600369327779; /* ln (1 / 0.07), CLIP's */

static struct clip_dims dims_of(const struct config *c, int64_t vocab_size)
{
    struct clip_dims d = {.embed_dim = c->pretrain_embed_dim,
                          .image_px = c->pretrain_image_px,
                          .patch_px = c->pretrain_patch_px,
                          .context_length = c->pretrain_context,
                          .vocab_size = vocab_size};
    d.vision = (struct tower_dims){.width = c->pretrain_vision_width,
                                   .n_layers = c->pretrain_vision_layers,
                                   .n_heads = c->pretrain_vision_heads};
    d.text = (struct tower_dims){.width = c->pretrain_text_width,
                                 .n_layers = c->pretrain_text_layers,
                                 .n_heads = c->pretrain_text_heads};
    for (int i = 0; i < 2; i++) {
        struct tower_dims *tower = i ? &d.text : &d.vision;
        tower->mlp_width = 4 * tower->width;
        tower->activation = ACTIVATION_QUICK_GELU;
        tower->norm_eps = 1e-5;
    }
    return d;
}

static int learn_small_vocabulary(struct str *merges, struct str *words)
{
    const char *const *list = world_words();
    for (size_t i = 0; list[i]; i++)
        str_appendf(words, "%s%s", i ? "\n" : "", list[i]);
    int status = tokenizer_train(merges, list);
    return status == OK ? str_status(words) : status;
}

/* Opens CLIP's vocabulary if the key names its merges, else the drawn world's, which the weights then
 * carry. */
static int open_vocabulary(struct session *s, struct str *merges, struct str *words)
{
    if (s->config->model_merges[0] != '\0') {
        char *path = NULL;
        int status = merges_find_file(&path, s->config->model_merges, NULL, NULL);
        if (status == OK)
            status = tokenizer_open(&s->tokenizer, path);
        free(path);
        return status;
    }
    int status = learn_small_vocabulary(merges, words);
    return status == OK ? tokenizer_parse_small(&s->tokenizer, str_text(merges), str_text(words),
                                                "the drawn world's vocabulary")
                        : status;
}

/* Makes every tensor a leaf on the device. */
static int make_trainable(struct session *s)
{
    struct weights *w = s->weights;
    for (size_t i = 0; i < w->tensors.n; i++) {
        struct param *p = &w->tensors.items[i];
        p->value = t_to_device(w->scope, p->value, s->device);
        t_require_grad(w->scope, p->value);
    }
    t_copy_(w->scope, params_find(&w->tensors, "logit_scale"),
            t_full(w->scope, NULL, 0, START_LOG_SCALE, DTYPE_F32, s->device));
    return scope_status(w->scope);
}

int pretrain_make_model(struct session *s)
{
    const struct config *c = s->config;
    struct str merges = {0}, words = {0};
    int status = open_vocabulary(s, &merges, &words);
    if (status == OK) {
        const struct clip_dims dims = dims_of(c, tokenizer_vocab_size(s->tokenizer));
        status = weights_init_dims(&s->weights, s->scope, &dims, (uint64_t)c->seed, 1.0);
    }
    if (status == OK && merges.len > 0) {
        s->weights->merges = str_dup(str_text(&merges));
        s->weights->words = str_dup(str_text(&words));
        status = s->weights->merges && s->weights->words ? OK : ERR_MEMORY;
    }
    str_free(&merges);
    str_free(&words);
    return status == OK ? make_trainable(s) : status;
}
