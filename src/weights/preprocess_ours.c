/* A model's preprocessing in our metadata, and in the keys model.*. */
#include <inttypes.h>
#include <string.h>

#include "preprocess_ours.h"
#include "prompt/base/json_write.h"

/* ---------------------------------------------------------------- our metadata */

enum field { MEAN, STD, INTERPOLATION, RESIZE_MODE, RESIZE_PX, FILL, SCALE, N_FIELDS };
static const char *const field_keys[N_FIELDS] = {
    "prompt.image_mean", "prompt.image_std",  "prompt.interpolation", "prompt.resize_mode",
    "prompt.resize_px",  "prompt.fill_color", "prompt.rescale_factor"};

static int parse_field(struct preprocess *out, enum field field, const char *text)
{
    double fill[3] = {0};
    int status = OK;
    switch (field) {
    case MEAN:
        return preprocess_parse_channels(out->mean, text, ERR_FORMAT);
    case STD:
        return preprocess_parse_channels(out->std, text, ERR_FORMAT);
    case INTERPOLATION:
        return preprocess_parse_interpolation(&out->interpolation, text, ERR_FORMAT);
    case RESIZE_MODE:
        return preprocess_parse_resize_mode(&out->resize_mode, text, ERR_FORMAT);
    case RESIZE_PX:
        return str_parse_i64(&out->resize_px, text) == OK
                   ? OK
                   : error_set(ERR_FORMAT, "expected a whole number, found '%.40s'", text);
    case FILL:
        status = preprocess_parse_channels(fill, text, ERR_FORMAT);
        for (int c = 0; c < 3; c++)
            out->fill[c] = fill[c] >= 0 && fill[c] <= 255 ? (int64_t)fill[c] : -1;
        return status;
    case SCALE:
        return str_parse_f64(&out->scale, text) == OK
                   ? OK
                   : error_set(ERR_FORMAT, "expected a number, found '%.40s'", text);
    case N_FIELDS:
        break;
    }
    return OK;
}

int weights_read_preprocess(struct preprocess *out, bool *found, const struct metadata *m)
{
    for (int i = 0; m && i < N_FIELDS; i++) {
        const char *text = metadata_get(m, field_keys[i]);
        if (!text)
            continue;
        *found = true;
        if (parse_field(out, (enum field)i, text) != OK)
            return error_context("metadata '%s'", field_keys[i]);
    }
    return preprocess_check(out) == OK ? OK : error_context("metadata 'prompt.*'");
}

static void append_three(struct str *out, const double values[3])
{
    for (int c = 0; c < 3; c++) {
        str_append(out, c > 0 ? " " : "");
        json_write_f64(out, values[c]);
    }
}

static void append_field(struct str *out, const struct preprocess *p, enum field field)
{
    const double fill[3] = {(double)p->fill[0], (double)p->fill[1], (double)p->fill[2]};
    switch (field) {
    case MEAN:
    case STD:
    case FILL:
        append_three(out, field == MEAN ? p->mean : field == STD ? p->std : fill);
        return;
    case INTERPOLATION:
        str_append(out, interpolation_names[p->interpolation]);
        return;
    case RESIZE_MODE:
        str_append(out, resize_mode_names[p->resize_mode]);
        return;
    case RESIZE_PX:
        str_appendf(out, "%" PRId64, p->resize_px);
        return;
    case SCALE:
        json_write_f64(out, p->scale);
        return;
    case N_FIELDS:
        return;
    }
}

int weights_write_preprocess(struct metadata *out, const struct preprocess *p)
{
    const struct preprocess usual = preprocess_default(p->image_px);
    int status = OK;
    for (int i = 0; status == OK && i < N_FIELDS; i++) {
        struct str text = {0};
        struct str usual_text = {0};
        append_field(&text, p, (enum field)i);
        append_field(&usual_text, &usual, (enum field)i);
        status = str_status(&text) == OK ? str_status(&usual_text) : ERR_MEMORY;
        if (status == OK && strcmp(str_text(&text), str_text(&usual_text)) != 0)
            status = metadata_set(out, field_keys[i], str_text(&text));
        str_free(&text);
        str_free(&usual_text);
    }
    return status;
}

/* ---------------------------------------------------------------- keys */

static bool is_given(const char *option)
{
    return option && option[0] != '\0';
}

int weights_apply_preprocess(struct preprocess *out, const struct weights_options *o)
{
    if (is_given(o->image_mean) && preprocess_parse_channels(out->mean, o->image_mean, ERR_USAGE) != OK)
        return error_context("model.image_mean");
    if (is_given(o->image_std) && preprocess_parse_channels(out->std, o->image_std, ERR_USAGE) != OK)
        return error_context("model.image_std");
    for (int c = 0; c < 3; c++)
        if (!(out->std[c] > 0))
            return error_set(ERR_USAGE, "model.image_std: expected numbers above 0, found \"%.80s\"",
                             o->image_std);
    if (preprocess_check(out) != OK)
        return error_set(ERR_USAGE, "model.image_mean, model.image_std: the pixels would not be finite");
    if (is_given(o->interpolation) &&
        preprocess_parse_interpolation(&out->interpolation, o->interpolation, ERR_USAGE) != OK)
        return error_context("model.interpolation");
    if (is_given(o->resize_mode)) {
        if (preprocess_parse_resize_mode(&out->resize_mode, o->resize_mode, ERR_USAGE) != OK)
            return error_context("model.resize_mode");
        out->resize_px = out->resize_mode == RESIZE_SHORTEST ? out->resize_px : out->image_px;
    }
    return OK;
}
