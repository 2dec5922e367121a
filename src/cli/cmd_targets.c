/* The option --datasets, which several commands take. */
#include "cmd_targets.h"

#include "prompt/report/targets.h"

int cmd_read_targets(struct str_list *out, const struct opt_values *v)
{
    const char *text = NULL;
    int status = OK;
    for (size_t i = 0; status == OK && (text = opt_nth(v, "datasets", i)); i++)
        status = targets_parse(out, text);
    return status;
}
