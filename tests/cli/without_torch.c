/*
 * The program without libtorch, for tests of its data commands: of the 0.25 s that a run of prompt takes, libtorch's
 * initialization is 0.24 s. These definitions keep what needs libtorch from being linked; all else is the program's.
 */
#include "cmd.h"
#include "prompt/torch/torch.h"

#define WITHOUT_TORCH(command)                                                                               \
    int command(const struct opt_values *v)                                                                  \
    {                                                                                                        \
        (void)v;                                                                                             \
        return error_set(ERR_USAGE, #command ": this program is linked without libtorch");                   \
    }

WITHOUT_TORCH(cmd_train)
WITHOUT_TORCH(cmd_eval)
WITHOUT_TORCH(cmd_grid)
WITHOUT_TORCH(cmd_results)
WITHOUT_TORCH(cmd_diff)
WITHOUT_TORCH(cmd_bench)
WITHOUT_TORCH(cmd_model_init)
WITHOUT_TORCH(cmd_model_info)
WITHOUT_TORCH(cmd_model_convert)
WITHOUT_TORCH(cmd_pretrain)
WITHOUT_TORCH(cmd_version)

void torch_on_uncaught(void (*report)(void))
{
    (void)report;
}
