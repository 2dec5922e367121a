/* The few-shot samples that trainings saw. */
#include <inttypes.h>

#include "html.h"
#include "sections.h"

enum { N_OPEN = 400 }; /* pictures that are not folded */

static int write_class(struct str *out, struct page *p, const struct sample *s, int64_t k)
{
    size_t n = 0;
    int status = OK;
    str_append(out, "<div class=\"shots\"");
    html_attribute(out, "data-class", s->names[k]);
    str_append(out, ">");
    html_element(out, "h4", s->names[k]);
    str_append(out, "<div class=\"strip\">");
    for (size_t i = 0; status == OK && i < s->n; i++)
        if (s->labels[i] == k) {
            p->thumbs.n_in_part =
                n++ * (size_t)s->n_classes + (size_t)k; /* each class has its first pictures */
            status = thumbs_write(out, &p->thumbs, s->files[i], s->names[k]);
        }
    str_append(out, "</div></div>\n");
    return status;
}

static int write_sample(struct str *out, struct page *p, size_t i)
{
    const struct sample *s = &p->samples[i];
    const struct run *r = &p->runs[s->run];
    int status = OK;
    str_appendf(out, "<details%s><summary>Seed %" PRId64 ": %zu pictures of %" PRId64 " classes</summary>\n",
                i == 0 && s->n <= N_OPEN ? " open" : "", r->config->seed, s->n, s->n_classes);
    thumbs_begin_part(&p->thumbs);
    for (int64_t k = 0; status == OK && k < s->n_classes; k++)
        status = write_class(out, p, s, k);
    str_append(out, "</details>\n");
    return status;
}

int section_samples(struct str *out, struct page *p)
{
    int status = OK;
    if (p->n_samples == 0)
        return OK;
    str_append(out, "<section id=\"samples\"><h2>What training saw</h2>\n");
    for (size_t i = 0; status == OK && i < p->n_samples; i++)
        status = write_sample(out, p, i);
    str_append(out, "</section>\n");
    return status == OK ? str_status(out) : status;
}
