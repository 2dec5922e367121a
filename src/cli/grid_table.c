/* The finished table of prompt grid. */
#include <stdlib.h>
#include <string.h>

#include "cmd_print.h"
#include "grid_command.h"
#include "prompt/base/file.h"
#include "prompt/base/path.h"

/* The name of the finished table's files: only the whole of it, in its own settings, takes the plain one. */
static char *table_name(const struct grid_command *c)
{
    static const int64_t all_seeds[] = {1, 2, 3};
    const struct grid_options *o = &c->options;
    const bool all = o->n_seeds == 3 && memcmp(o->seeds, all_seeds, sizeof all_seeds) == 0 &&
                     o->datasets->n == 0 && c->args.methods.n == 0;
    const bool is_whole = all && o->max_steps == 0 && o->limit == 0 && !experiment_args_change(&c->args);
    const char *name = opt_text(c->v, "name");
    return name ? str_dup(name) : str_format("%s%s", c->experiment->name, is_whole ? "" : "-part");
}

static int save(struct grid_command *c, const struct scores *scores, enum score_format format)
{
    static const char *const endings[] = {"md", "csv", "tex"};
    struct str text = {0};
    char *stem = table_name(c);
    char *name = stem ? str_format("%s.%s", stem, endings[format]) : NULL;
    char *path = name ? path_join(c->options.out_dir, name) : NULL;
    int status = path ? scores_write(&text, scores, format) : ERR_MEMORY;
    if (status == OK)
        status = file_write_atomic(path, text.data, text.len);
    if (status == OK && format == SCORE_MARKDOWN)
        status = cmd_print(&text);
    if (status == OK)
        log_info(&c->log, "wrote %s", path);
    str_free(&text);
    free(path);
    free(name);
    free(stem);
    return status;
}

int grid_make_table(struct grid_command *c)
{
    struct record_list records = {0};
    struct scores scores = {0};
    struct score_options options = experiment_args_scores(&c->args, c->v);
    options.weights = c->model.sha256;
    options.include_unfinished = c->options.max_steps > 0 || c->options.limit > 0;
    int status = records_read(&records, c->options.out_dir);
    if (status == OK)
        status = scores_make(&scores, c->experiment, &records, &options);
    for (int format = SCORE_MARKDOWN; status == OK && format <= SCORE_LATEX; format++)
        status = save(c, &scores, (enum score_format)format);
    scores_free(&scores);
    records_free(&records);
    return status;
}
