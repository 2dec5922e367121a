/*
 * Reads the configuration beside a file of weights: open_clip's open_clip_config.json, or Hugging Face's
 * config.json with processor_config.json (transformers 5) or preprocessor_config.json (4). The configuration
 * of the library that named the tensors comes first.
 *
 * A missing value has the library's documented default. A configuration that contradicts the tensors belongs
 * to another model and is an error.
 */
#include <stdlib.h>

#include "config_files.h"
#include "facts.h"
#include "hugging_face.h"
#include "members.h"
#include "open_clip.h"
#include "preprocess.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"

static struct weights_document document(const struct json_doc *doc, const struct weights_wanted *wanted)
{
    return (struct weights_document){.doc = doc,
                                     .accept_unknown = wanted->accept_unknown,
                                     .accepted = wanted->accepted,
                                     .notes = wanted->notes};
}

static int read_open_clip(struct weights_facts *out, bool *found, const char *dir,
                          const struct clip_dims *dims, const struct weights_wanted *wanted)
{
    struct json_doc *doc = NULL;
    int status = json_read_if_there(&doc, dir, "open_clip_config.json");
    const struct weights_document d = document(doc, wanted);
    *found = doc;
    if (status == OK && doc)
        status = weights_open_clip_towers(out, &d, dims);
    if (status == OK && doc && wanted->preprocess)
        status = weights_open_clip_preprocess(&out->preprocess, &d);
    json_free(doc);
    return status;
}

/* transformers uses the image processor nested in processor_config.json, if there is one. */
static int read_processor(struct preprocess *out, const char *dir, const struct weights_wanted *wanted)
{
    static const char *const names[] = {"processor_config.json", "preprocessor_config.json"};
    bool found = false;
    int status = OK;
    for (int i = 0; status == OK && !found && i < 2; i++) {
        struct json_doc *doc = NULL;
        status = json_read_if_there(&doc, dir, names[i]);
        const struct weights_document d = document(doc, wanted);
        const struct json *root = doc ? json_root(doc) : NULL;
        const struct json *processor = i == 0 ? member_get(root, "image_processor") : root;
        found = processor;
        if (status == OK && found)
            status = weights_hugging_face_preprocess(out, &d, processor);
        json_free(doc);
    }
    return status;
}

static int read_hugging_face(struct weights_facts *out, const char *dir, const struct clip_dims *dims,
                             const struct weights_wanted *wanted)
{
    struct json_doc *doc = NULL;
    int status = json_read_if_there(&doc, dir, "config.json");
    const struct weights_document d = document(doc, wanted);
    if (status == OK && doc)
        status = weights_hugging_face_towers(out, &d, dims);
    json_free(doc);
    return status == OK && wanted->preprocess ? read_processor(&out->preprocess, dir, wanted) : status;
}

int weights_config_beside(struct weights_facts *out, const struct weights_origin *origin,
                          const struct clip_dims *dims, const struct weights_wanted *wanted)
{
    char *dir = path_dir(origin->path);
    bool found = false;
    int status = dir ? OK : ERR_MEMORY;
    if (status == OK && !origin->is_hugging_face)
        status = read_open_clip(out, &found, dir, dims, wanted);
    if (status == OK && !found)
        status = read_hugging_face(out, dir, dims, wanted);
    free(dir);
    return status;
}
