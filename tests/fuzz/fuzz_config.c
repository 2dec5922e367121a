/* A run's configuration; read and written again, it has the same hash. */
#include <string.h>

#include "fuzz.h"
#include "prompt/config/config.h"

static void write_and_read(const struct config *config)
{
    struct str text = {0};
    struct config again;
    char hash[DIGEST_HEX_SIZE], hash_again[DIGEST_HEX_SIZE];
    FUZZ_REQUIRE(config_init(&again) == OK && config_write(&text, config) == OK);
    FUZZ_REQUIRE(config_read_text(&again, str_text(&text), text.len, "written", CONFIG_FILE) == OK);
    FUZZ_REQUIRE(config_hash(hash, config) == OK && config_hash(hash_again, &again) == OK);
    FUZZ_REQUIRE(strcmp(hash, hash_again) == 0);
    config_free(&again);
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct config config;
    FUZZ_REQUIRE(config_init(&config) == OK);
    int status = config_read_text(&config, (const char *)data, n, "config.json", CONFIG_FILE);
    fuzz_require_status(status);
    if (status == OK) {
        fuzz_require_status(config_check(&config));
        write_and_read(&config);
    }
    config_free(&config);
    return 0;
}
