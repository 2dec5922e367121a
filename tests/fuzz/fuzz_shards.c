/* An index of shards beside two files with one tensor each: "a" in a.safetensors, "b" in b.safetensors. */
#include <stdio.h>

#include "fuzz.h"
#include "weights/raw.h"
#include "weights/shards.h"

static void write_shard(char name)
{
    char file[] = "x.safetensors", text[128] = "";
    file[0] = name;
    const int n = snprintf(text + 8, sizeof text - 8,
                           "{\"%c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}%c%c%c%c", name,
                           0, 0, 0, 0);
    text[0] = (char)(n - 4);
    fuzz_folder_write(file, text, (size_t)n + 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static bool has_shards;
    if (!has_shards) {
        write_shard('a');
        write_shard('b');
        has_shards = true;
    }
    fuzz_folder_write("model.safetensors.index.json", data, n);
    struct weights *w = NULL;
    struct weights_raw raw = {0};
    FUZZ_REQUIRE(weights_create(&w, NULL) == OK);
    w->path = str_format("%s/model.safetensors.index.json", fuzz_folder());
    int status = w->path ? weights_read_shards(&raw, w) : ERR_MEMORY;
    fuzz_require_status(status);
    for (size_t i = 0; status == OK && i < raw.n; i++)
        FUZZ_REQUIRE(raw.items[i].shard < w->shards.n && raw.items[i].value);
    weights_raw_free(&raw);
    weights_close(w);
    FUZZ_REQUIRE(scope_live_tensors() == 0);
    return 0;
}
