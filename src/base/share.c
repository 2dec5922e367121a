/* Shares of things in a row. */
#include "prompt/base/share.h"

struct share share_of(int64_t n, int64_t part, int64_t n_parts)
{
    const int64_t each = n / n_parts, more = n % n_parts;
    return (struct share){.first = part * each + (part < more ? part : more), .n = each + (part < more)};
}
