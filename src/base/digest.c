/* SHA-256 through OpenSSL's libcrypto. */
#include "prompt/base/digest.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "prompt/base/file.h"

struct digest {
    EVP_MD_CTX *context;
    bool failed;
};

int digest_open(struct digest **out)
{
    *out = NULL;
    struct digest *d = calloc(1, sizeof *d);
    if (!d)
        return error_out_of_memory();
    d->context = EVP_MD_CTX_new();
    if (!d->context || EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(d->context);
        free(d);
        return error_out_of_memory();
    }
    *out = d;
    return OK;
}

void digest_update(struct digest *d, const void *data, size_t n)
{
    if (EVP_DigestUpdate(d->context, data, n) != 1)
        d->failed = true;
}

int digest_close(char hex[DIGEST_HEX_SIZE], struct digest *d)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool ok = !d->failed && EVP_DigestFinal_ex(d->context, bytes, &n) == 1;
    EVP_MD_CTX_free(d->context);
    free(d);
    hex[0] = '\0';
    if (!ok)
        return error_set(ERR_MEMORY, "SHA-256 failed");
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    hex[2 * n] = '\0';
    return OK;
}

int digest_memory(char hex[DIGEST_HEX_SIZE], const void *data, size_t n)
{
    struct digest *d = NULL;
    int status = digest_open(&d);
    if (status != OK)
        return status;
    digest_update(d, data, n);
    return digest_close(hex, d);
}

int digest_file(char hex[DIGEST_HEX_SIZE], const char *path)
{
    enum { CHUNK = 8 << 20 }; /* whole pages */
    const void *data = NULL;
    size_t n = 0;
    int status = file_map(&data, &n, path);
    if (status != OK)
        return status;
    struct digest *d = NULL;
    status = digest_open(&d);
    for (size_t at = 0; status == OK && at < n; at += CHUNK) { /* so that a large file takes little memory */
        const unsigned char *chunk = (const unsigned char *)data + at;
        const size_t size = n - at < CHUNK ? n - at : CHUNK;
        digest_update(d, chunk, size);
        file_forget(chunk, size);
    }
    file_unmap(data, n);
    return status == OK ? digest_close(hex, d) : status;
}
