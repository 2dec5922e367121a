/* The plan of prompt grid, as people and as shells read it. */
#include <inttypes.h>

#include "cmd_print.h"
#include "grid_command.h"
#include "grid_shell.h"
#include "grid_words.h"
#include "prompt/report/targets.h"

static const char *state_name(const struct grid_job *job)
{
    switch (job->state) {
    case GRID_DONE:
        return "done";
    case GRID_NO_DATA:
        return "no data";
    case GRID_TO_RUN:
        break;
    }
    return !job->must_train ? "evaluate" : job->is_begun ? "resume" : "run";
}

typedef int words_fn(struct str_list *out, const struct grid_setup *s, const struct grid_job *job);

static int append_command(struct str *out, const struct grid_setup *s, const struct grid_job *job,
                          words_fn *words)
{
    struct str_list list = {0};
    int status = words(&list, s, job);
    if (status == OK)
        shell_append_words(out, &list);
    str_list_free(&list);
    return status;
}

/* ---------------------------------------------------------------- the plan */

static int append_plan(struct str *out, const struct grid_setup *s, const struct grid_job *job)
{
    int status = OK;
    str_appendf(out, "%-8s %s, %s, seed %" PRId64 "\n", state_name(job), job->row->name,
                target_display_name(job->config.data_dataset), job->config.seed);
    if (job->state != GRID_TO_RUN)
        return OK;
    if (job->must_train) {
        str_append(out, "    prompt");
        status = append_command(out, s, job, grid_train_words);
        str_append(out, "\n");
    }
    str_append(out, "    prompt");
    if (status == OK)
        status = append_command(out, s, job, grid_eval_words);
    str_append(out, "\n");
    return status;
}

int grid_print_plan(const struct grid_command *c)
{
    struct str out = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < c->grid.n_jobs; i++)
        status = append_plan(&out, &c->grid.setup, &c->grid.jobs[i]);
    if (status == OK)
        status = cmd_print(&out);
    str_free(&out);
    return status;
}

/* ---------------------------------------------------------------- the list */

/* "cd FOLDER && prompt train ... && prompt eval ..." */
static int append_line(struct str *out, const struct grid_setup *s, const struct grid_job *job)
{
    int status = shell_append_cd(out);
    for (int k = job->must_train ? 0 : 1; status == OK && k < 2; k++) {
        str_append(out, " && ");
        if ((status = shell_append_program(out)) == OK)
            status = append_command(out, s, job, k == 0 ? grid_train_words : grid_eval_words);
    }
    str_append(out, "\n");
    return status;
}

static int append_table(struct str *out, const struct opt_values *v)
{
    static const char *const without[] = {"list", "jobs", "devices", "jobs-per-device", NULL};
    struct str_list words = {0};
    str_append(out,
               "# then: "); /* a list that is piped to a shell, or divided among several, must not run it */
    int status = shell_append_cd(out);
    str_append(out, " && ");
    if (status == OK && (status = shell_append_program(out)) == OK &&
        (status = shell_same_words(&words, v, without)) == OK &&
        (status = str_list_add(&words, "--table-only")) == OK)
        shell_append_words(out, &words);
    str_append(out, "\n");
    str_list_free(&words);
    return status;
}

int grid_print_list(const struct grid_command *c)
{
    struct str out = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < c->grid.n_jobs; i++)
        if (c->grid.jobs[i].state == GRID_TO_RUN)
            status = append_line(&out, &c->grid.setup, &c->grid.jobs[i]);
    if (status == OK && (status = append_table(&out, c->v)) == OK)
        status = cmd_print(&out);
    str_free(&out);
    return status;
}
