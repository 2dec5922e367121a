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

/* "cd FOLDER && prompt grid ...", with the words of this command but for some, and further ones. */
static int append_again(struct str *out, const struct opt_values *v, const char *const *without,
                        const char *const *further)
{
    struct str_list words = {0};
    int status = shell_append_cd(out);
    str_append(out, " && ");
    if (status == OK && (status = shell_append_program(out)) == OK)
        status = shell_same_words(&words, v, without);
    for (; status == OK && *further; further++)
        status = str_list_add(&words, *further);
    if (status == OK)
        shell_append_words(out, &words);
    str_append(out, "\n");
    str_list_free(&words);
    return status;
}

/* A grid of one run, which opens no other data set. It keeps --jobs, for its share of a machine. */
static int append_line(struct str *out, const struct grid_command *c, const struct grid_job *job)
{
    static const char *const of_source[] = {"list", "devices", "jobs-per-device", NULL};
    static const char *const own[] = {"list", "devices", "jobs-per-device", "datasets", NULL};
    const bool has_source = c->experiment->source[0] != '\0';
    const char *const further[] = {"--only", job->name, has_source ? NULL : "--datasets",
                                   job->config.data_dataset, NULL};
    return append_again(out, c->v, has_source ? of_source : own, further);
}

/* The table as a comment: a list that is piped to a shell, or divided among several, must not make it. */
static int append_table(struct str *out, const struct opt_values *v)
{
    static const char *const without[] = {"list", "jobs", "devices", "jobs-per-device", NULL};
    str_append(out, "# then: ");
    return append_again(out, v, without, (const char *const[]){"--table-only", NULL});
}

int grid_print_list(const struct grid_command *c)
{
    struct str out = {0};
    int status = OK;
    for (size_t i = 0; status == OK && i < c->grid.n_jobs; i++)
        if (c->grid.jobs[i].state == GRID_TO_RUN)
            status = append_line(&out, c, &c->grid.jobs[i]);
    if (status == OK && (status = append_table(&out, c->v)) == OK)
        status = cmd_print(&out);
    str_free(&out);
    return status;
}
