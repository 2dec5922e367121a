/* Configurations beside a model: open_clip_config.json, config.json and preprocessor_config.json. Reads each
 * input as all of them. */
#include <math.h>

#include "fuzz.h"
#include "prompt/base/json.h"
#include "weights/facts.h"
#include "weights/hugging_face.h"
#include "weights/members.h"
#include "weights/open_clip.h"
#include "weights/preprocess.h"

/* The sizes of the seeds' model. */
static const struct clip_dims dims = {.vision = {.width = 32, .n_layers = 2, .mlp_width = 128},
                                      .text = {.width = 32, .n_layers = 2, .mlp_width = 128},
                                      .embed_dim = 64,
                                      .image_px = 16,
                                      .patch_px = 8,
                                      .context_length = 77,
                                      .vocab_size = 512};

static struct weights_facts nothing(void)
{
    return (struct weights_facts){.vision = {.activation = -1},
                                  .text = {.activation = -1},
                                  .preprocess = preprocess_default(dims.image_px)};
}

static void check_preprocess(int status, const struct preprocess *p)
{
    struct str text = {0};
    fuzz_require_status(status);
    if (status != OK)
        return;
    for (int c = 0; c < 3; c++)
        FUZZ_REQUIRE(isfinite(p->mean[c]) && isfinite(p->std[c]) && p->std[c] > 0);
    FUZZ_REQUIRE(p->image_px == dims.image_px && p->resize_px > 0 && isfinite(p->scale));
    preprocess_describe(&text, p);
    FUZZ_REQUIRE(str_status(&text) == OK && text.len > 0);
    str_free(&text);
}

static void read_as_all(const struct json_doc *doc, bool accept_unknown)
{
    struct str_list accepted = {0};
    struct str_list notes = {0};
    const struct weights_document d = {
        .doc = doc, .accept_unknown = accept_unknown, .accepted = &accepted, .notes = &notes};
    struct weights_facts facts = nothing();
    fuzz_require_status(weights_open_clip_towers(&facts, &d, &dims));
    facts = nothing();
    fuzz_require_status(weights_hugging_face_towers(&facts, &d, &dims));
    facts = nothing();
    check_preprocess(weights_open_clip_preprocess(&facts.preprocess, &d), &facts.preprocess);
    facts = nothing();
    check_preprocess(weights_hugging_face_preprocess(&facts.preprocess, &d, json_root(doc)),
                     &facts.preprocess);
    FUZZ_REQUIRE(accept_unknown || accepted.n == 0);
    str_list_free(&accepted);
    str_list_free(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct json_doc *doc = NULL;
    int status = json_parse(&doc, (const char *)data, n, "config.json");
    fuzz_require_status(status);
    if (status == OK) {
        read_as_all(doc, false);
        read_as_all(doc, true);
    }
    json_free(doc);
    return 0;
}
