/* Results on stdout, the log on stderr. */
#include "cmd_print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cmd_print(const struct str *text)
{
    int status = str_status(text);
    if (status != OK)
        return status;
    errno = 0;
    if (fwrite(str_text(text), 1, text->len, stdout) == text->len && fflush(stdout) == 0)
        return OK;
    return error_set(ERR_IO, "cannot write to the standard output: %s", strerror(errno ? errno : EIO));
}

void cmd_open_log(struct log *out, const struct opt_values *v)
{
    log_init(out, opt_given(v, "quiet"));
    out->is_silent = !ranks_is_first(v->ranks);
}
