/* Computes the digest of a model's files. */
#include "known.h"

#include <string.h>

#include "prompt/base/str.h"
#include "prompt/weights/weights.h"

static int digest_shards(char hex[DIGEST_HEX_SIZE], const struct weights *w)
{
    struct str digests = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < w->shards.n; i++) {
        char one[DIGEST_HEX_SIZE];
        status = digest_file(one, w->shards.items[i]);
        if (status == OK)
            str_appendf(&digests, "%s\n", one);
    }
    if (status == OK && (status = str_status(&digests)) == OK)
        status = digest_memory(hex, str_text(&digests), digests.len);
    str_free(&digests);
    return status;
}

int weights_hash(struct weights *w)
{
    if (!w->path)
        return OK;
    int status = w->shards.n > 0 ? digest_shards(w->sha256, w) : digest_file(w->sha256, w->path);
    if (status == OK)
        w->known_name = weights_known_name(w->sha256);
    return status;
}

void weights_accept_hash(struct weights *w, const char hex[DIGEST_HEX_SIZE])
{
    memcpy(w->sha256, hex, DIGEST_HEX_SIZE);
    w->known_name = weights_known_name(w->sha256);
}
