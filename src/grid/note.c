/* What a grid leaves in a run's folder. */
#include "prompt/grid/note.h"

#include <stdlib.h>
#include <unistd.h>

#include "prompt/base/json.h"
#include "prompt/base/json_write.h"
#include "prompt/base/path.h"
#include "prompt/report/folder.h"

void grid_note_free(struct grid_note *note)
{
    free(note->error);
    *note = (struct grid_note){0};
}

int grid_note_read(struct grid_note *out, const char *run)
{
    struct json_doc *doc = NULL;
    const char *error = NULL;
    *out = (struct grid_note){0};
    int status = json_read_if_there(&doc, run, RUN_GRID_FILE);
    const struct json *root = status == OK && doc ? json_root(doc) : NULL;
    if (root && (status = json_get_string(&error, doc, root, "error")) == OK &&
        (status = json_get_f64(&out->seconds, doc, root, "seconds")) == OK)
        status = json_get_f64(&out->work, doc, root, "work");
    if (status == OK && error && !(out->error = str_dup(error)))
        status = ERR_MEMORY;
    json_free(doc);
    return status;
}

int grid_note_write(const char *run, const struct grid_note *note)
{
    struct str text = {0};
    json_open(&text, NULL, '{');
    if (note->error)
        json_put_string(&text, "error", note->error);
    if (note->work > 0.0) {
        json_put_fixed(&text, "seconds", note->seconds, 3);
        json_put_f64(&text, "work", note->work);
    }
    json_close(&text, '}');
    str_append(&text, "\n");
    int status = folder_write(run, RUN_GRID_FILE, &text);
    str_free(&text);
    return status;
}

void grid_note_remove(const char *run)
{
    char *path = path_join(run, RUN_GRID_FILE);
    if (path)
        (void)unlink(path);
    free(path);
}

int grid_note_pace(struct grid_pace *out, const struct grid *g)
{
    const struct experiment *x = g->setup.experiment;
    int status = grid_pace_open(out, x->n_rows);
    for (size_t i = 0; status == OK && i < g->n_jobs; i++) {
        const struct grid_job *job = &g->jobs[i];
        struct grid_note note = {0};
        if (job->state == GRID_DONE && (status = grid_note_read(&note, job->folder)) == OK)
            grid_pace_add(out, (size_t)(job->row - x->rows), note.work, note.seconds);
        grid_note_free(&note);
    }
    return status;
}
