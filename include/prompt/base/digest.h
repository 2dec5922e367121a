/** SHA-256 (OpenSSL's libcrypto), for the digests of weights, samples, class names and configurations. */
#ifndef PROMPT_BASE_DIGEST_H
#define PROMPT_BASE_DIGEST_H

#include <stddef.h>

#include "prompt/base/error.h"

enum { DIGEST_HEX_SIZE = 65 }; /* 64 lower-case hex digits and NUL */

struct digest;

/** Begins a digest: `*out` is owned, for digest_close. ERR_MEMORY. */
int digest_open(struct digest **out);
/** Adds bytes; digest_close reports a failure. */
void digest_update(struct digest *d, const void *data, size_t n);
/** Writes the digest and frees `d`, also on failure. ERR_MEMORY. */
int digest_close(char hex[DIGEST_HEX_SIZE], struct digest *d);

int digest_memory(char hex[DIGEST_HEX_SIZE], const void *data, size_t n); /* ERR_MEMORY */
int digest_file(char hex[DIGEST_HEX_SIZE], const char *path);             /* the failures of file_map, too */

#endif
