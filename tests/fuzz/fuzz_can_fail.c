/* A faulty reader, for test_replay.sh: it fails at a text that begins with "bad". */
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    FUZZ_REQUIRE(n < 3 || memcmp(data, "bad", 3) != 0);
    return 0;
}
