/* Pictures on the command line, and classes by name. */
#include "picture_args.h"

#include <stdio.h>
#include <string.h>

#include "prompt/run/class_check.h"

/* Several ranks have the list that the first one reads: mpirun gives the standard input to no other. */
static int find_by_all(struct pictures *out, struct open_run *r)
{
    struct str list = {0};
    for (int c; ranks_is_first(r->v->ranks) && (c = getc(stdin)) != EOF;)
        str_append_char(&list, (char)c);
    str_append_char(&list, '\n');
    int status = str_status(&list);
    if (status == OK)
        status = ranks_broadcast_text(r->v->ranks, &list);
    FILE *stream = status == OK ? fmemopen(list.data, list.len, "r") : NULL;
    if (stream)
        status = pictures_find(out, r->v->operands, r->v->n_operands, stream);
    else if (status == OK)
        status = error_out_of_memory();
    if (stream)
        fclose(stream);
    str_free(&list);
    return status;
}

static bool reads_list(const struct opt_values *v)
{
    bool found = false;
    for (size_t i = 0; i < v->n_operands; i++)
        found = found || strcmp(v->operands[i], "-") == 0;
    return found;
}

int picture_args_find(struct pictures *out, struct open_run *r)
{
    struct str others = {0};
    int status = r->v->ranks && reads_list(r->v)
                     ? find_by_all(out, r)
                     : pictures_find(out, r->v->operands, r->v->n_operands, stdin);
    if (status != OK)
        return status;
    left_out_describe(&others, &out->left_out);
    if ((status = str_status(&others)) == OK && others.len > 0)
        log_info(&r->log, "left out: %s", str_text(&others));
    str_free(&others);
    return status;
}

void picture_args_warn(struct open_run *r, const char *message)
{
    log_finish(&r->log);
    log_warning(&r->log, "%s", message);
}

int picture_args_open_classes(struct class_list *out, struct open_run *r, const struct str_list *names)
{
    const int64_t n = (int64_t)names->n;
    int status = OK;
    if ((!r->checkpoint_path ||
         (status = checkpoint_check_classes(&r->provenance, r->method, names->items, n)) == OK) &&
        (status = class_list_open_names(out, r->session->scope, r->session, r->session->clip, names->items, n,
                                        (struct class_list_use){r->config.eval_batch_size, false})) == OK &&
        (!r->checkpoint_path || ((status = class_list_match(out, &r->provenance)) == OK &&
                                 (status = method_check_classes(r->method, &out->texts)) == OK)))
        status = class_check_equal(r->session, "class names", out);
    return status;
}
