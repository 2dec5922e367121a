/* Preprocessing as a value: default, description, names. */
#include "prompt/image/preprocess.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prompt/base/error.h"
#include "prompt/base/json_write.h"

const char *const interpolation_names[] = {"bicubic", "bilinear", "lanczos", "box", "hamming", NULL};
const char *const resize_mode_names[] = {"shortest", "longest", "squash", "none", NULL};

enum { MAX_RESIZE_PX = 1 << 15 };

struct preprocess preprocess_default(int64_t image_px)
{
    return (struct preprocess){.image_px = image_px,
                               .resize_px = image_px,
                               .interpolation = INTERPOLATION_BICUBIC,
                               .resize_mode = RESIZE_SHORTEST,
                               .mean = {0.48145466, 0.4578275, 0.40821073},
                               .std = {0.26862954, 0.26130258, 0.27577711},
                               .scale = 1.0 / 255.0};
}

/* ---------------------------------------------------------------- description */

static void append_channels(struct str *out, const char *title, const double values[3])
{
    str_appendf(out, ", %s", title);
    for (int c = 0; c < 3; c++) {
        str_append(out, " ");
        json_write_f64(out, values[c]);
    }
}

void preprocess_describe(struct str *out, const struct preprocess *p)
{
    const double fill[3] = {(double)p->fill[0], (double)p->fill[1], (double)p->fill[2]};
    const bool is_filled = p->fill[0] != 0 || p->fill[1] != 0 || p->fill[2] != 0;
    str_append(out, resize_mode_names[p->resize_mode]);
    if (p->resize_px != p->image_px)
        str_appendf(out, " to %" PRId64 " px, crop of %" PRId64 " px", p->resize_px, p->image_px);
    str_appendf(out, ", %s", interpolation_names[p->interpolation]);
    append_channels(out, "mean", p->mean);
    append_channels(out, "std", p->std);
    if (is_filled)
        append_channels(out, "fill", fill);
    if (p->scale != 1.0 / 255.0) {
        str_append(out, ", scale ");
        json_write_f64(out, p->scale);
    }
}

int preprocess_digest(char hex[DIGEST_HEX_SIZE], const struct preprocess *p)
{
    struct str line = {0};
    preprocess_describe(&line, p);
    int status = str_status(&line);
    if (status == OK)
        status = digest_memory(hex, str_text(&line), line.len);
    str_free(&line);
    return status;
}

/* ---------------------------------------------------------------- parsing */

int preprocess_parse_channels(double out[3], const char *text, enum status otherwise)
{
    double values[3];
    int n = 0;
    const char *at = text + strspn(text, ", ");
    while (*at != '\0' && n < 3) {
        char *end = NULL;
        values[n] = strtod(at, &end);
        if (end == at || !isfinite(values[n]) || (*end != '\0' && *end != ',' && *end != ' '))
            break;
        n++;
        at = end + strspn(end, ", ");
    }
    if (*at != '\0' || (n != 1 && n != 3))
        return error_set(otherwise,
                         "expected one number or three (\"0.5\", \"0.48,0.46,0.41\"), found \"%.80s\"", text);
    for (int c = 0; c < 3; c++)
        out[c] = values[n == 3 ? c : 0];
    return OK;
}

/* The index of `name`; -1 with a message for an unknown name. */
static int find_name(const char *const *names, const char *name, enum status otherwise)
{
    struct str known = {0};
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            str_free(&known);
            return i;
        }
        str_appendf(&known, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    error_set(otherwise, "expected one of %s, found \"%.80s\"", str_text(&known), name);
    str_free(&known);
    return -1;
}

int preprocess_parse_interpolation(enum interpolation *out, const char *name, enum status otherwise)
{
    const int i = find_name(interpolation_names, name, otherwise);
    if (i < 0)
        return otherwise;
    *out = (enum interpolation)i;
    return OK;
}

int preprocess_parse_resize_mode(enum resize_mode *out, const char *name, enum status otherwise)
{
    const int i = find_name(resize_mode_names, name, otherwise);
    if (i < 0)
        return otherwise;
    *out = (enum resize_mode)i;
    return OK;
}

/* transform_normalize() computes in float. */
static bool is_finite_when_normalized(const struct preprocess *p, int c)
{
    const float mean = (float)p->mean[c], std = (float)p->std[c];
    return isfinite((0.0F - mean) / std) && isfinite(((float)(255.0 * p->scale) - mean) / std);
}

int preprocess_check(const struct preprocess *p)
{
    for (int c = 0; c < 3; c++) {
        if (!isfinite(p->mean[c]))
            return error_set(ERR_FORMAT, "a mean is not finite");
        if (!isfinite(p->std[c]) || !(p->std[c] > 0))
            return error_set(ERR_FORMAT, "a standard deviation of %g is not above 0", p->std[c]);
        if (!is_finite_when_normalized(p, c))
            return error_set(ERR_FORMAT,
                             "a mean of %g and a standard deviation of %g make pixels that are not finite",
                             p->mean[c], p->std[c]);
        if (p->fill[c] < 0 || p->fill[c] > 255)
            return error_set(ERR_FORMAT, "a fill of %" PRId64 " is not between 0 and 255", p->fill[c]);
    }
    if (!isfinite(p->scale) || !(p->scale > 0))
        return error_set(ERR_FORMAT, "a rescale factor of %g is not above 0", p->scale);
    if (p->resize_px < 1 || p->resize_px > MAX_RESIZE_PX)
        return error_set(ERR_FORMAT, "a resize to %" PRId64 " pixels is not between 1 and %d", p->resize_px,
                         MAX_RESIZE_PX);
    return OK;
}
