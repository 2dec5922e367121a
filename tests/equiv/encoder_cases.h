/** The cases in which test_encoder.c compares the two encoders. */
#ifndef PROMPT_TESTS_EQUIV_ENCODER_CASES_H
#define PROMPT_TESTS_EQUIV_ENCODER_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prompt/weights/dims.h"

enum { MAX_CHANGES = 5, ONE_CLASS_A_CHUNK = 1 << 20 };

/* A list of random names; K = 0: the recorded one of 12 classes. */
struct names {
    int64_t K;
    int64_t shortest, longest; /* tokens before the dot */
    bool twice;                /* every other is the one before it */
};

struct test_case {
    const char *name;
    const char *changes[MAX_CHANGES]; /* of the recorded defaults */
    int64_t B;
    struct names names;
    int64_t images_at_a_time; /* that the chunks are laid out for; 0: B */
    double forgotten;         /* share of what the backward needs that is not kept but computed again */
    bool gelu;
    int64_t vision_layers, text_layers; /* 0: all three */
    const struct clip_dims *dims;       /* a CLIP of random weights instead, with the recorded vocabulary */
    const char *model, *data;           /* a model of full size instead, and the data root */
    int64_t n_steps;                    /* 0: those of the precision */
    double widened;                     /* by this factor the tolerance, for a reason above; 0: 1 */
    double moved;                       /* deviation of what is added to the initial values; 0: nothing */
    int64_t stage;                      /* of the training */
};

/* All switches: the cases of tests/reference/cases.py, in several chunks. */
#define SWITCH(title, ...)                                                                                   \
    {                                                                                                        \
        .name = title, .changes = {__VA_ARGS__}, .B = 4, .images_at_a_time = 128                             \
    }
#define NO_GV "vision_prompt.generator=false"
#define NO_GT "text_prompt.generator=false"
#define CLASS_SPECIFIC "context.class_specific=true"
#define NO_DROPOUT "lora.dropout=0"
#define MEMORY "agreement.text_weight=25", "agreement.image_weight=10", "agreement.logits_weight=1"
/* Lists of names, with the default switches. */
#define NAMES(title, batch, k, from, to)                                                                     \
    .name = title, .B = batch, .names = {.K = k, .shortest = from, .longest = to}

#define TOWER(width_, layers)                                                                                \
    {                                                                                                        \
        .width = (width_), .n_layers = (layers), .n_heads = (width_) / 64, .mlp_width = 4 * (width_),        \
        .activation = ACTIVATION_QUICK_GELU, .norm_eps = 1e-5                                                \
    }
#define SIZES(vision_, text_, joint, image, patch)                                                           \
    {                                                                                                        \
        .vision = vision_, .text = text_, .embed_dim = (joint), .image_px = (image), .patch_px = (patch),    \
        .context_length = 77                                                                                 \
    }
/* Widths, heads and positions of the published models, which kernels see; fewer layers, and L/14's 24 by
 * themselves. */
static const struct clip_dims VIT_B_32 = SIZES(TOWER(768, 3), TOWER(512, 2), 512, 224, 32);
static const struct clip_dims VIT_L_14 = SIZES(TOWER(1024, 2), TOWER(768, 2), 768, 224, 14);
static const struct clip_dims VIT_L_14_336 = SIZES(TOWER(1024, 2), TOWER(768, 1), 768, 336, 14);
static const struct clip_dims DEEP = SIZES(TOWER(128, 24), TOWER(64, 12), 64, 42, 14);

static const struct test_case CASES[] = {
    SWITCH("default", NULL),
    SWITCH("no vision generator", NO_GV),
    SWITCH("no text generator", NO_GT),
    SWITCH("no generators", NO_GV, NO_GT),
    SWITCH("no filter", "filter=false"),
    SWITCH("no iterations", "iterations=0"),
    SWITCH("one iteration", "iterations=1"),
    SWITCH("three iterations", "iterations=3"),
    SWITCH("lambda 0.5", "lambda=0.5"),
    SWITCH("raw input", "generator_input=raw"),
    SWITCH("detach", "detach_iterations=true"),
    SWITCH("detach, three iterations", "detach_iterations=true", "iterations=3"),
    SWITCH("detach, no vision generator", "detach_iterations=true", NO_GV),
    SWITCH("detach, no text generator", "detach_iterations=true", NO_GT),
    SWITCH("three text prompts", "text_prompt.count=3"),
    SWITCH("seven text prompts", "text_prompt.count=7"),
    SWITCH("fixed start token", "text_prompt.covers_sos=false"),
    SWITCH("fixed start token, three", "text_prompt.covers_sos=false", "text_prompt.count=3"),
    SWITCH("fixed start token, seven", "text_prompt.covers_sos=false", "text_prompt.count=7"),
    SWITCH("fewer classes than prompts", "vision_prompt.count=14"),
    {.name = "fewer classes, no vision generator",
     .changes = {"vision_prompt.count=14", NO_GV},
     .B = 4,
     .images_at_a_time = 128,
     .widened = 2.0},
    SWITCH("all layers", "vision_prompt.depth=3"),
    SWITCH("one layer", "vision_prompt.depth=1"),
    {.name = "batch of one", .B = 1},
    {.name = "batch of three", .B = 3},

    {NAMES("K = 1", 2, 1, 1, 8)},
    {NAMES("K = 2", 2, 2, 1, 8)},
    {NAMES("K = 7", 2, 7, 1, 8)},
    {NAMES("K = 50", 3, 50, 1, 8)},
    {NAMES("K = 50, small chunks", 3, 50, 1, 8), .images_at_a_time = 128},
    {NAMES("K = 300", 2, 300, 1, 6)},
    {NAMES("K = 1000", 1, 1000, 1, 4)},
    {NAMES("K = 1000, small chunks", 1, 1000, 1, 4), .images_at_a_time = 128},
    {NAMES("names of 1 to 60 tokens", 2, 20, 1, 60)},
    {NAMES("names of 60 tokens", 2, 4, 60, 60), .widened = 2.0},
    {NAMES("one class a chunk", 2, 20, 17, 60), .images_at_a_time = ONE_CLASS_A_CHUNK},
    {NAMES("one class a chunk, nothing kept", 2, 20, 17, 60), .images_at_a_time = ONE_CLASS_A_CHUNK,
     .forgotten = 1.0},
    {NAMES("K = 50, no filter", 2, 50, 1, 8), .changes = {"filter=false"}},
    {NAMES("K = 50, no text generator", 2, 50, 1, 8), .changes = {NO_GT}, .images_at_a_time = 128,
     .forgotten = 0.5},
    {.name = "equal names, small chunks",
     .B = 2,
     .names = {.K = 9, .shortest = 3, .longest = 3, .twice = true},
     .images_at_a_time = ONE_CLASS_A_CHUNK},
    {.name = "equal names", .B = 2, .names = {.K = 9, .shortest = 3, .longest = 3, .twice = true}},
    {NAMES("nothing kept", 4, 50, 1, 8), .images_at_a_time = 128, .forgotten = 1.0},
    {NAMES("half kept", 4, 50, 1, 8), .images_at_a_time = 128, .forgotten = 0.5},

    {NAMES("CoOp", 2, 50, 1, 8), .changes = {"method=coop"}, .images_at_a_time = 128, .forgotten = 0.5},
    {NAMES("CoOp, contexts of each class", 2, 50, 1, 8), .changes = {"method=coop", CLASS_SPECIFIC}},
    {NAMES("CoOp, around the name", 2, 50, 1, 8), .changes = {"method=coop", "context.position=middle"},
     .images_at_a_time = 128, .forgotten = 0.5},
    {NAMES("CoOp, contexts around each name", 2, 20, 1, 40), .images_at_a_time = ONE_CLASS_A_CHUNK,
     .changes = {"method=coop", CLASS_SPECIFIC, "context.position=middle"}, .forgotten = 1.0},
    {.name = "CoOp, text of one layer", .changes = {"method=coop", CLASS_SPECIFIC}, .B = 3, .text_layers = 1},
    {NAMES("CoCoOp", 3, 50, 1, 8), .changes = {"method=cocoop"}, .images_at_a_time = 128, .forgotten = 0.5},
    {.name = "VPT-deep", .changes = {"method=vpt"}, .B = 3},
    {NAMES("KgCoOp", 2, 50, 1, 8),
     .changes = {"method=kgcoop", "agreement.text_weight=8", "agreement.text_distance=cosine"},
     .images_at_a_time = 128},
    {NAMES("IVLP", 2, 50, 1, 8), .changes = {"method=ivlp", "context.depth=3", "context.count=2"},
     .images_at_a_time = 128, .forgotten = 0.5},
    {.name = "IVLP of the text",
     .changes = {"method=ivlp", "context.depth=2", "vision_prompt.count=0"},
     .B = 3},
    {NAMES("PromptSRC", 3, 50, 1, 8), .changes = {"method=promptsrc", "context.depth=3", MEMORY},
     .images_at_a_time = 128, .forgotten = 1.0},
    {NAMES("MaPLe", 3, 50, 1, 8), .changes = {"method=maple", "context.depth=3", "context.count=2"},
     .images_at_a_time = 128, .forgotten = 0.5},
    {.name = "MaPLe, one layer", .changes = {"method=maple", "context.init=random"}, .B = 3},
    {NAMES("ProMPT with memory", 3, 50, 1, 8), .changes = {MEMORY}, .images_at_a_time = 128,
     .forgotten = 0.5},

    {NAMES("CLIP-LoRA", 3, 50, 1, 8), .changes = {"method=clip_lora"}, .images_at_a_time = 128,
     .forgotten = 0.5, .moved = 0.1},
    {NAMES("CLIP-LoRA without dropout", 3, 50, 1, 8),
     .changes = {"method=clip_lora", NO_DROPOUT, "lora.rank=3"}, .images_at_a_time = 128, .forgotten = 0.5,
     .moved = 0.1},
    {.name = "CLIP-LoRA, towers of one layer",
     .changes = {"method=clip_lora"},
     .B = 3,
     .moved = 0.1,
     .vision_layers = 1,
     .text_layers = 1},
    {.name = "CLIP-LoRA, exact GELU", .changes = {"method=clip_lora", NO_DROPOUT}, .B = 3, .gelu = true},
    {NAMES("2SFS", 3, 50, 1, 8), .changes = {"method=two_stage"}, .images_at_a_time = 128, .forgotten = 0.5,
     .moved = 0.1},
    {.name = "2SFS, towers of one layer",
     .changes = {"method=two_stage"},
     .B = 3,
     .vision_layers = 1,
     .text_layers = 1},
    {.name = "2SFS, second stage", .changes = {"method=two_stage"}, .B = 3, .moved = 0.1, .stage = 1},

    {.name = "exact GELU", .B = 3, .gelu = true},
    {.name = "exact GELU, nothing kept", .B = 3, .forgotten = 1.0, .gelu = true},
    {.name = "towers of one layer",
     .changes = {"vision_prompt.depth=1"},
     .B = 3,
     .vision_layers = 1,
     .text_layers = 1},
    {.name = "vision of one layer", .changes = {"vision_prompt.depth=1"}, .B = 3, .vision_layers = 1},
    {.name = "text of one layer", .B = 3, .forgotten = 1.0, .text_layers = 1},
    {.name = "towers of two layers", .B = 3, .vision_layers = 2, .text_layers = 2},

    {NAMES("ViT-B/32", 1, 3, 1, 8), .dims = &VIT_B_32, .n_steps = 1},
    {NAMES("ViT-L/14", 1, 3, 1, 8), .changes = {"vision_prompt.depth=1", "iterations=1"}, .dims = &VIT_L_14,
     .n_steps = 1},
    {NAMES("ViT-L/14@336", 1, 3, 1, 8), .changes = {"vision_prompt.depth=1", "iterations=1"},
     .dims = &VIT_L_14_336, .n_steps = 1},
    {.name = "24 and 12 layers", .changes = {"vision_prompt.depth=9"}, .dims = &DEEP, .B = 2, .n_steps = 1},
};

#endif
