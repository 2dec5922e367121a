/* A grid as a job array of Slurm. */
#include "grid_slurm.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_print.h"
#include "grid_shell.h"
#include "prompt/base/digest.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"
#include "prompt/grid/tasks.h"
#include "spawn.h"

const struct opt grid_slurm_options[] = {
    {"slurm", "DIR", NULL, false,
     "write a job array of the runs that are left, and a job for the table, into DIR"},
    {"submit", NULL, NULL, false, "hand both to sbatch, and print the numbers of the jobs"},
    {"bundle", "N", NULL, false,
     "about N runs a task, in bundles of about equal time (1, or as many as the limit of arrays asks for)"},
    {"time", "TIME", NULL, false,
     "time limit of a task, as sbatch takes it; a task that meets it saves before"},
    {"sbatch", "--OPTION", NULL, true,
     "a further option of sbatch for both jobs, as in --sbatch --partition=gpu"},
    {.name = NULL},
};

int slurm_check(const struct opt_values *v)
{
    static const char *const needing[] = {"submit", "bundle", "time", "sbatch"};
    const char *text = NULL;
    for (size_t i = 0; i < sizeof needing / sizeof needing[0]; i++)
        if (opt_given(v, needing[i]) && !opt_given(v, "slurm"))
            return error_set(ERR_USAGE, "--%s needs --slurm DIR", needing[i]);
    for (size_t i = 0; (text = opt_nth(v, "sbatch", i)); i++)
        if (text[0] != '-' || strpbrk(text, "\r\n"))
            return error_set(ERR_USAGE,
                             "option '--sbatch': expected an option of sbatch on one line, found '%s'", text);
    text = opt_text(v, "time");
    if (text && (text[0] == '\0' || text[strspn(text, "0123456789-:")] != '\0'))
        return error_set(ERR_USAGE, "option '--time': expected a time as in 30, 4:00:00 or 1-12, found '%s'",
                         text);
    return OK;
}

/* ---------------------------------------------------------------- what Slurm knows */

/* For an answer: a grid that asks must not miss the beats of its own claims meanwhile. For a submission. */
static const double ANSWER_S = 5.0, SUBMIT_S = 300.0;

/* Tasks that an array may have, numbered from 1; Slurm's default if it does not say. */
static int64_t max_tasks(void)
{
    static const char name[] = "MaxArraySize";
    struct str out = {0};
    int exit_status = 0;
    int64_t n = 0;
    if (spawn_read(&out, &exit_status, (const char *const[]){"scontrol", "show", "config", NULL}, ANSWER_S) !=
        OK)
        error_clear();
    const char *at = exit_status == 0 ? strstr(str_text(&out), name) : NULL;
    at = at ? at + strlen(name) + strspn(at + strlen(name), " =") : "";
    char *text = str_dup_n(at, strspn(at, "0123456789"));
    if (!text || str_parse_i64(&n, text) != OK)
        error_clear();
    free(text);
    str_free(&out);
    return n > 1 ? n - 1 : 1000;
}

bool slurm_runs_job(const char *job)
{
    static const char *const at_work[] = {"RUNNING", "COMPLETING", "SUSPENDED",
                                          "STOPPED", "SIGNALING",  "STAGE_OUT"};
    struct str out = {0};
    int exit_status = 0;
    const char *const words[] = {"squeue", "-h", "-o", "%T", "-j", job, NULL};
    bool runs = false;
    if (spawn_read(&out, &exit_status, words, ANSWER_S) != OK) {
        error_clear();
        runs = true;
    } else if (exit_status != 0) {
        runs = !strstr(str_text(&out), "Invalid job id");
    } else {
        for (size_t i = 0; i < sizeof at_work / sizeof at_work[0]; i++)
            runs = runs || str_starts_with(str_text(&out), at_work[i]);
    }
    str_free(&out);
    return runs;
}

/* ---------------------------------------------------------------- scripts */

/* What the scripts need to be named: paths are owned. */
struct slurm_files {
    char *dir, *array, *table, *tasks;
};

static void free_files(struct slurm_files *f)
{
    free(f->dir);
    free(f->array);
    free(f->table);
    free(f->tasks);
}

/* The tasks' file is named after its content: jobs that wait keep theirs when the folder is written again. */
static int name_files(struct slurm_files *f, const char *dir, const struct str *tasks)
{
    char hex[DIGEST_HEX_SIZE];
    int status = digest_memory(hex, str_text(tasks), tasks->len);
    f->dir = path_absolute(dir);
    char *name = status == OK ? str_format("tasks-%.12s.json", hex) : NULL;
    if (f->dir && name) {
        f->array = path_join(f->dir, "array.sh");
        f->table = path_join(f->dir, "table.sh");
        f->tasks = path_join(f->dir, name);
    }
    free(name);
    if (status == OK && !(f->array && f->table && f->tasks))
        status = ERR_MEMORY;
    return status == OK ? file_make_dirs(f->dir) : status;
}

/* A line for sbatch, "#SBATCH OPTION=VALUE"; its own quotes keep spaces. */
static void append_option(struct str *out, const char *option, const char *value)
{
    str_appendf(out, "#SBATCH %s=", option);
    const bool is_quoted = value[strcspn(value, " \t\"\\#'")] != '\0';
    str_append(out, is_quoted ? "\"" : "");
    for (; *value != '\0'; value++)
        str_append(out,
                   *value == '"' || *value == '\\' ? (char[]){'\\', *value, '\0'} : (char[]){*value, '\0'});
    str_append(out, is_quoted ? "\"\n" : "\n");
}

/* Where a job writes; a percent sign of the path is no pattern. */
static void append_output(struct str *out, const char *dir, const char *pattern)
{
    struct str path = {0};
    for (; *dir != '\0'; dir++)
        str_append(&path, *dir == '%' ? "%%" : (char[]){*dir, '\0'});
    str_appendf(&path, "/%s", pattern);
    append_option(out, "--output", str_text(&path));
    out->failed = out->failed || path.failed;
    str_free(&path);
}

static int append_user_options(struct str *out, const struct opt_values *v)
{
    const char *text = NULL;
    for (size_t i = 0; (text = opt_nth(v, "sbatch", i)); i++) {
        const size_t n = strcspn(text, "= ");
        char *option = str_dup_n(text, n);
        if (!option)
            return ERR_MEMORY;
        if (text[n] == '=')
            append_option(out, option, text + n + 1);
        else
            str_appendf(out, "#SBATCH %s\n", text);
        free(option);
    }
    return OK;
}

/* "cd FOLDER || exit" and "exec PROGRAM WORDS": signals reach the program, which ends with the job. */
static int append_exec(struct str *out, const struct opt_values *v, const char *const *further, bool is_table)
{
    static const char *const without[] = {"slurm", "submit",  "bundle",          "time", "sbatch",
                                          "jobs",  "devices", "jobs-per-device", NULL};
    static const char *const without_slurm[] = {"slurm", "submit", "bundle", "time", "sbatch", NULL};
    struct str_list words = {0};
    int status = shell_append_cd(out);
    str_append(out, " || exit\nexec ");
    if (status == OK && (status = shell_append_program(out)) == OK)
        status = shell_same_words(&words, v, is_table ? without : without_slurm);
    for (; status == OK && *further; further++)
        status = str_list_add(&words, *further);
    if (status == OK)
        shell_append_words(out, &words);
    str_list_free(&words);
    return status == OK ? str_status(out) : status;
}

static int write_array(const struct grid_command *c, const struct slurm_files *f, size_t n_tasks)
{
    struct str out = {0};
    const char *time = opt_text(c->v, "time");
    str_appendf(
        &out,
        "#!/bin/sh\n"
        "# Written by prompt grid: %zu %s of %s in %zu %s. It may be submitted again at any time: finished\n"
        "# runs are skipped, begun ones go on.\n",
        c->n_to_run, plural(c->n_to_run, "run", "runs"), c->experiment->name, n_tasks,
        plural(n_tasks, "task", "tasks"));
    str_appendf(&out, "#SBATCH --job-name=prompt-%s\n#SBATCH --array=1-%zu\n", c->experiment->name, n_tasks);
    append_output(&out, f->dir, "array-%A_%a.txt");
    str_append(&out, "#SBATCH --open-mode=append\n#SBATCH --requeue\n#SBATCH --signal=B:USR1@120\n");
    if (time)
        append_option(&out, "--time", time);
    int status = append_user_options(&out, c->v);
    if (status == OK)
        status =
            append_exec(&out, c->v, (const char *const[]){"--task-file", f->tasks, "--task", NULL}, false);
    str_append(&out, " \"$SLURM_ARRAY_TASK_ID\"\n");
    if (status == OK && (status = str_status(&out)) == OK)
        status = file_write_atomic(f->array, str_text(&out), out.len);
    str_free(&out);
    return status;
}

static int write_table(const struct grid_command *c, const struct slurm_files *f)
{
    struct str out = {0};
    str_appendf(&out,
                "#!/bin/sh\n"
                "# Written by prompt grid: makes %s from the runs that are there. To be submitted with\n"
                "# --dependency=afterany:ARRAY.\n"
                "#SBATCH --job-name=prompt-%s-table\n",
                c->experiment->name, c->experiment->name);
    append_output(&out, f->dir, "table-%j.txt");
    str_append(&out, "#SBATCH --open-mode=append\n#SBATCH --requeue\n");
    int status = append_user_options(&out, c->v);
    if (status == OK)
        status = append_exec(&out, c->v, (const char *const[]){"--table-only", NULL}, true);
    str_append(&out, "\n");
    if (status == OK && (status = str_status(&out)) == OK)
        status = file_write_atomic(f->table, str_text(&out), out.len);
    str_free(&out);
    return status;
}

/* ---------------------------------------------------------------- sbatch */

/* Submits a script. `*id` is the number of the job, owned: the last line that begins with a digit, as warnings
 * come before it. */
static int submit(char **id, const char *script, const char *dependency)
{
    struct str out = {0};
    int exit_status = 0;
    const char *const alone[] = {"sbatch", "--parsable", script, NULL};
    const char *const after[] = {"sbatch", "--parsable", dependency, script, NULL};
    *id = NULL;
    int status = spawn_read(&out, &exit_status, dependency ? after : alone, SUBMIT_S);
    const char *text = str_text(&out), *line = text;
    for (const char *at = text; at && *at != '\0'; at = (at = strchr(at, '\n')) ? at + 1 : NULL)
        if (isdigit((unsigned char)*at) || (exit_status != 0 && line == text))
            line = at;
    if (status == OK && exit_status == 0 && isdigit((unsigned char)*line))
        status = (*id = str_dup_n(line, strspn(line, "0123456789"))) ? OK : ERR_MEMORY;
    else if (status == OK)
        status = error_set(ERR_IO, "sbatch does not take '%s': %.*s", script, (int)strcspn(line, "\n"), line);
    str_free(&out);
    return status;
}

static int submit_both(const struct slurm_files *f)
{
    char *array = NULL, *table = NULL;
    struct str out = {0};
    int status = submit(&array, f->array, NULL);
    char *dependency = status == OK ? str_format("--dependency=afterany:%s", array) : NULL;
    if (status == OK)
        status = dependency ? submit(&table, f->table, dependency) : ERR_MEMORY;
    if (array)
        str_appendf(&out, "array %s\n", array);
    if (table)
        str_appendf(&out, "table %s\n", table);
    const int printed = array ? cmd_print(&out) : OK; /* also if the second one failed: the first one runs */
    str_free(&out);
    free(dependency);
    free(table);
    free(array);
    return status == OK ? printed : status;
}

static int print_how(const struct slurm_files *f)
{
    struct str out = {0};
    str_append(&out, "id=$(sbatch --parsable");
    shell_append_word(&out, f->array);
    str_append(&out, ") && sbatch --dependency=\"afterany:$id\"");
    shell_append_word(&out, f->table);
    str_append(&out, "\n");
    int status = cmd_print(&out);
    str_free(&out);
    return status;
}

int slurm_requeue(const char *job)
{
    struct str out = {0};
    int exit_status = 0;
    int status =
        spawn_read(&out, &exit_status, (const char *const[]){"scontrol", "requeue", job, NULL}, ANSWER_S);
    const char *line = str_text(&out);
    if (status == OK && exit_status != 0)
        status =
            error_set(ERR_IO, "Slurm does not queue job %s again: %.*s", job, (int)strcspn(line, "\n"), line);
    str_free(&out);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static int make_tasks(struct grid_tasks *tasks, const struct grid_command *c)
{
    int64_t n_each = 1;
    const size_t limit = (size_t)max_tasks();
    int status = opt_i64(&n_each, c->v, "bundle", 1, 1 << 20);
    if (status != OK)
        return status;
    size_t n = (c->n_to_run + (size_t)n_each - 1) / (size_t)n_each;
    return grid_tasks_make(tasks, &c->grid, n < limit ? n : limit);
}

int slurm_write(struct grid_command *c)
{
    struct grid_tasks tasks = {0};
    struct slurm_files files = {0};
    struct str text = {0};
    int status = OK;
    if (c->n_to_run == 0) {
        log_info(&c->log, "nothing is left to run: no script is written");
        return OK;
    }
    if ((status = make_tasks(&tasks, c)) == OK &&
        (status = grid_tasks_write(&text, &tasks, &c->grid)) == OK &&
        (status = name_files(&files, opt_text(c->v, "slurm"), &text)) == OK &&
        (status = file_write_atomic(files.tasks, str_text(&text), text.len)) == OK &&
        (status = write_array(c, &files, tasks.n)) == OK && (status = write_table(c, &files)) == OK) {
        log_info(&c->log, "wrote %s: %zu %s, and %s", files.array, tasks.n, plural(tasks.n, "task", "tasks"),
                 files.table);
        status = opt_given(c->v, "submit") ? submit_both(&files) : print_how(&files);
    }
    str_free(&text);
    free_files(&files);
    grid_tasks_free(&tasks);
    return status;
}
