/** SHA-256 (OpenSSL's libcrypto), for the digests of weights, samples, class names and configurations. */
#ifndef PROMPT_BASE_DIGEST_H
#define PROMPT_BASE_DIGEST_H

#include <stddef.h>

#include "prompt/base/error.h"

enum { DIGEST_HEX_SIZE = 65 }; /* 64 lower-case hex digits and NUL */

struct digest;

int digest_open(struct digest **out);
void digest_update(struct digest *d, const void *data, size_t n); /* a failure is reported by digest_close */
int digest_close(char hex[DIGEST_HEX_SIZE], struct digest *d);    /* frees d, also on failure */

int digest_memory(char hex[DIGEST_HEX_SIZE], const void *data, size_t n);
int digest_file(char hex[DIGEST_HEX_SIZE], const char *path);

#endif
