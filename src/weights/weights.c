/* Creates empty weights, and closes weights. */
#include "prompt/weights/weights.h"

#include <stdlib.h>

int weights_create(struct weights **out, scope *parent)
{
    *out = NULL;
    struct weights *w = calloc(1, sizeof *w);
    if (!w)
        return error_out_of_memory();
    w->scope = scope_open(parent, SCOPE_GRAD_INHERIT);
    if (!w->scope) {
        free(w);
        return error_out_of_memory();
    }
    *out = w;
    return OK;
}

void weights_forget(const struct weights *w)
{
    for (size_t i = 0; i < w->n_files; i++)
        safetensors_forget(w->files[i]);
}

void weights_close(struct weights *w)
{
    if (!w)
        return;
    params_free(&w->tensors);
    (void)scope_close(w->scope); /* the views, before the mapping under them */
    for (size_t i = 0; i < w->n_files; i++)
        safetensors_close(w->files[i]);
    free(w->files);
    str_list_free(&w->shards);
    str_list_free(&w->notes);
    free(w->prefix);
    free(w->merges);
    free(w->words);
    str_list_free(&w->accepted);
    free(w->path);
    free(w);
}
