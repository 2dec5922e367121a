/* Prediction and confidence for every image at every n. */
#include <inttypes.h>

#include "prompt/base/csv.h"
#include "prompt/base/file.h"
#include "prompt/run/eval.h"

/* Numbers come first, because names may hold commas. */
static void append_image(struct str *out, const struct eval_result *r, int64_t i, const char *path,
                         char *const *names)
{
    const int64_t N = r->metrics.n_iterations;
    for (int64_t n = 0; n <= N; n++) {
        const struct prediction *p = &r->predictions[i * (N + 1) + n];
        str_appendf(out, "%zu,%" PRId64 ",%" PRId64 ",%" PRId64 ",%.6f,%.6f,", r->items[i], n, r->labels[i],
                    p->class_idx, p->confidence, p->label_confidence);
        csv_write_text(out, path);
        str_append(out, ",");
        csv_write_text(out, names[r->labels[i]]);
        str_append(out, ",");
        csv_write_text(out, names[p->class_idx]);
        str_append(out, "\n");
    }
}

int eval_save_trace(const char *path, const struct eval_result *r, const struct item_list *items,
                    const struct class_list *classes)
{
    struct str out = {0};
    str_append(&out, PREDICTIONS_HEADER "\n");
    for (int64_t i = 0; i < r->metrics.n_images; i++)
        append_image(&out, r, i, items->items[r->items[i]].path, classes->names);
    int status = str_status(&out);
    if (status == OK)
        status = file_write_atomic(path, out.data, out.len);
    str_free(&out);
    return status;
}
