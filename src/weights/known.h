/** The archives that OpenAI published. */
#ifndef PROMPT_SRC_WEIGHTS_KNOWN_H
#define PROMPT_SRC_WEIGHTS_KNOWN_H

/** An archive that OpenAI published. */
struct weights_archive {
    const char *name; /* "ViT-B/16", "RN50" */
    const char *sha256;
};

/** All of them; the last has no name. */
extern const struct weights_archive weights_known_archives[];

#endif
