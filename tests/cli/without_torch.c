/*
 * The program without libtorch, for tests of its data commands: of the 0.25 s that a run of prompt takes,
 * libtorch's initialization is 0.24 s. These definitions keep the commands that need libtorch from being linked;
 * everything else is the program's.
 */
#include "cmd.h"
#include "prompt/torch/torch.h"
#include "shared_options.h"

static int refuse(const struct opt_values *v)
{
    struct str title = {0};
    command_title(&title, v->command);
    int status = error_set(ERR_USAGE, "%s: this program is linked without libtorch", str_text(&title));
    str_free(&title);
    return status;
}

#define WITHOUT_TORCH(variable, name, sub_name)                                                              \
    const struct command variable = {name, sub_name, NULL, refuse, no_options, "needs libtorch", NULL}

WITHOUT_TORCH(command_train, "train", NULL);
WITHOUT_TORCH(command_eval, "eval", NULL);
WITHOUT_TORCH(command_grid, "grid", NULL);
WITHOUT_TORCH(command_results, "results", NULL);
WITHOUT_TORCH(command_diff, "diff", NULL);
WITHOUT_TORCH(command_bench, "bench", NULL);
WITHOUT_TORCH(command_model_init, "model", "init");
WITHOUT_TORCH(command_model_info, "model", "info");
WITHOUT_TORCH(command_model_convert, "model", "convert");
WITHOUT_TORCH(command_pretrain, "pretrain", NULL);
WITHOUT_TORCH(command_version, "version", NULL);

void torch_on_uncaught(void (*report)(void))
{
    (void)report;
}
