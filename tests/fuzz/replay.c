/*
 * Runs a fuzz target over its kept corpus: one input per line, in hexadecimal digits. Replaces libFuzzer's
 * main, so that every build and every compiler can replay the findings.
 *
 * usage: fuzz_TARGET FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "prompt/base/error.h"
#include "prompt/base/lines.h"

static int digit_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Runs one input in memory of exactly its size, so that a sanitizer notices reads beyond it. */
static int replay_line(const char *line)
{
    const size_t n = strlen(line) / 2;
    uint8_t *bytes = malloc(n ? n : 1);
    if (!bytes)
        return error_out_of_memory();
    int status = strlen(line) % 2 == 0 ? OK : error_set(ERR_FORMAT, "an odd number of digits");
    for (size_t i = 0; status == OK && i < n; i++) {
        const int high = digit_value(line[2 * i]), low = digit_value(line[2 * i + 1]);
        if (high < 0 || low < 0)
            status = error_set(ERR_FORMAT, "expected hexadecimal digits");
        else
            bytes[i] = (uint8_t)(16 * high + low);
    }
    if (status == OK)
        (void)LLVMFuzzerTestOneInput(bytes, n);
    free(bytes);
    return status;
}

static int replay_file(const char *path)
{
    struct lines lines = {0};
    size_t n_inputs = 0;
    int status = lines_open(&lines, path);
    for (const char *line = NULL; status == OK && (line = lines_next(&lines)); n_inputs++)
        if ((status = replay_line(line)) != OK)
            error_context("%s:%zu", path, lines.number);
    lines_close(&lines);
    if (status == OK && n_inputs == 0)
        status = error_set(ERR_FORMAT, "'%s' holds no input", path);
    if (status == OK)
        printf("%s: %zu inputs\n", path, n_inputs);
    return status;
}

int main(int argc, char **argv)
{
    int status = argc > 1 ? OK : error_set(ERR_USAGE, "usage: fuzz_TARGET FILE...");
    for (int i = 1; status == OK && i < argc; i++)
        status = replay_file(argv[i]);
    if (status != OK)
        fprintf(stderr, "%s\n", error_message());
    return error_exit_code(status);
}
