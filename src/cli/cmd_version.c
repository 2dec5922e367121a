/* prompt --version: the program, libtorch, and where it can compute. */
#include <stdio.h>

#include "cmd.h"
#include "prompt/torch/torch.h"
#include "shared_options.h"

static const char notes[] = "Examples:\n"
                            "  prompt version\n"
                            "  prompt --version";

static int cmd_version(const struct opt_values *v)
{
    (void)v;
    char devices[1024];
    device_describe(devices, sizeof devices);
    printf("prompt %s\nlibtorch %s\ndevices: %s\n", PROMPT_VERSION, torch_version(), devices);
    return OK;
}

const struct command command_version = {
    "version", NULL, NULL, cmd_version, no_options, "print versions and devices, as prompt --version does",
    notes};
