/* Reads a model's preprocessing from the files of open_clip and Hugging Face. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "members.h"
#include "preprocess.h"
#include "prompt/weights/weights.h"

/* ---------------------------------------------------------------- values */

/* The numbers of a list, or one number; `*n` is 0 for an empty list, -1 for anything else. */
static int get_numbers(double out[3], int *n, const struct weights_document *d, const struct json *value)
{
    const bool is_list = json_type(value) == JSON_ARRAY;
    *n = 0;
    for (const struct json *each = is_list ? json_first(value) : value; each;
         each = is_list ? json_next(each) : NULL, ++*n)
        if (*n < 3 && json_f64(&out[*n], each) != OK)
            return json_key_context(d->doc, value);
    return OK;
}

/* One value per channel: a number, or a list of one or three. */
static int get_channels(double out[3], const struct weights_document *d, const struct json *value)
{
    double values[3] = {0};
    int n = 0;
    int status = get_numbers(values, &n, d, value);
    if (status == OK && n != 1 && n != 3)
        return member_refuse(d, value, "expected one number, or three");
    for (int c = 0; status == OK && c < 3; c++)
        out[c] = values[n == 3 ? c : 0];
    return status;
}

/* A mean or a standard deviation; `must_be_positive` is the latter. */
static int get_statistic(double out[3], const struct weights_document *d, const struct json *value,
                         bool must_be_positive)
{
    int status = get_channels(out, d, value);
    for (int c = 0; status == OK && must_be_positive && c < 3; c++)
        if (!(out[c] > 0))
            status = member_refuse(d, value, "expected numbers above 0");
    return status;
}

/* ---------------------------------------------------------------- open_clip: preprocess_cfg */

static const struct member open_clip_members[] = {
    {"size", MEMBER_HARMLESS, 0}, /* open_clip uses the model's instead */
    {"mode", MEMBER_IS, "RGB"},
    {"mean", MEMBER_READ, 0},
    {"std", MEMBER_READ, 0},
    {"interpolation", MEMBER_READ, 0},
    {"resize_mode", MEMBER_READ, 0},
    {"fill_color", MEMBER_READ, 0},
    {0},
};

/* The member; NULL if open_clip uses its default: for null, 0, "" and []. */
static const struct json *get_said(const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return value && !member_is_off(value) ? value : NULL;
}

static int get_fill(int64_t out[3], const struct weights_document *d, const struct json *value)
{
    double levels[3] = {0};
    int status = get_channels(levels, d, value);
    for (int c = 0; status == OK && c < 3; c++) {
        if (!(levels[c] >= 0) || levels[c] > 255 || floor(levels[c]) < levels[c])
            status = member_refuse(d, value, "expected whole numbers from 0 to 255");
        else
            out[c] = (int64_t)levels[c];
    }
    return status;
}

/* The names that open_clip accepts; "random" only affects training and otherwise means bicubic. */
static int get_open_clip_names(struct preprocess *out, const struct weights_document *d,
                               const struct json *cfg)
{
    const struct json *filter = get_said(cfg, "interpolation"), *mode = get_said(cfg, "resize_mode");
    const char *filter_name = "bicubic", *mode_name = "shortest";
    int status = !filter || json_string(&filter_name, filter) == OK ? OK : json_key_context(d->doc, filter);
    if (status == OK)
        status = !mode || json_string(&mode_name, mode) == OK ? OK : json_key_context(d->doc, mode);
    if (status != OK)
        return status;
    if (strcmp(filter_name, "bilinear") == 0)
        out->interpolation = INTERPOLATION_BILINEAR;
    else if (strcmp(filter_name, "bicubic") == 0 || strcmp(filter_name, "random") == 0)
        out->interpolation = INTERPOLATION_BICUBIC;
    else
        return json_error(d->doc, filter,
                          "'interpolation': expected bicubic, bilinear or random, found \"%.80s\"",
                          filter_name);
    if (strcmp(mode_name, "none") != 0 &&
        preprocess_parse_resize_mode(&out->resize_mode, mode_name, ERR_FORMAT) == OK)
        return OK;
    return json_error(d->doc, mode, "'resize_mode': expected shortest, longest or squash, found \"%.80s\"",
                      mode_name);
}

int weights_open_clip_preprocess(struct preprocess *out, const struct weights_document *d)
{
    const struct json *cfg = member_get(json_root(d->doc), "preprocess_cfg");
    if (!cfg)
        return OK;
    if (json_type(cfg) != JSON_OBJECT)
        return member_refuse(d, cfg, "expected an object");
    const struct json *mean = get_said(cfg, "mean"), *std = get_said(cfg, "std");
    const struct json *fill = get_said(cfg, "fill_color");
    int status = members_check(d, cfg, "preprocess_cfg.", open_clip_members, NULL);
    if (status == OK && mean)
        status = get_statistic(out->mean, d, mean, false);
    if (status == OK && std)
        status = get_statistic(out->std, d, std, true);
    if (status == OK && fill)
        status = get_fill(out->fill, d, fill);
    if (status == OK)
        status = get_open_clip_names(out, d, cfg);
    if (status == OK && preprocess_check(out) != OK)
        status = error_context("%s", json_name(d->doc));
    return status;
}

/* ---------------------------------------------------------------- Hugging Face: an image processor */

/* Members of CLIPImageProcessor, CLIPFeatureExtractor and every image processor. */
static const struct member processor_members[] = {
    {"image_processor_type", MEMBER_READ, 0},
    {"feature_extractor_type", MEMBER_READ, 0},
    {"processor_class", MEMBER_HARMLESS, 0},
    {"do_resize", MEMBER_READ, 0},
    {"size", MEMBER_READ, 0},
    {"default_to_square", MEMBER_READ, 0},
    {"resample", MEMBER_READ, 0},
    {"do_center_crop", MEMBER_READ, 0},
    {"crop_size", MEMBER_READ, 0},
    {"do_rescale", MEMBER_READ, 0},
    {"rescale_factor", MEMBER_READ, 0},
    {"do_normalize", MEMBER_READ, 0},
    {"image_mean", MEMBER_READ, 0},
    {"image_std", MEMBER_READ, 0},
    {"do_convert_rgb", MEMBER_HARMLESS, 0}, /* pictures are always converted to RGB here */
    {"use_square_size", MEMBER_OFF, 0},
    {"do_pad", MEMBER_OFF, 0},
    {"pad_size", MEMBER_OFF, 0},
    {"_valid_processor_keys", MEMBER_HARMLESS, 0}, /* of the call, not of the pixels */
    {"_processor_class", MEMBER_HARMLESS, 0},
    {"transformers_version", MEMBER_HARMLESS, 0},
    {"return_tensors", MEMBER_HARMLESS, 0},
    {"data_format", MEMBER_HARMLESS, 0},
    {"input_data_format", MEMBER_HARMLESS, 0},
    {"device", MEMBER_HARMLESS, 0},
    {"disable_grouping", MEMBER_HARMLESS, 0},
    {0},
};

static int check_type(const struct weights_document *d, const struct json *processor, const char *key)
{
    static const char *const known[] = {"CLIPImageProcessor", "CLIPImageProcessorFast",
                                        "CLIPImageProcessorPil", "CLIPFeatureExtractor"};
    const char *type = known[0];
    int status = member_text(&type, d, processor, key);
    for (size_t i = 0; status == OK && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(type, known[i]) == 0)
            return OK;
    return status != OK ? status
                        : json_error(d->doc, json_get(processor, key),
                                     "'%s' is \"%.80s\": only CLIPImageProcessor is supported", key, type);
}

/* {"height": n, "width": n}; leaves `*out` unchanged if neither exists. */
static int get_square(int64_t *out, const struct weights_document *d, const struct json *value)
{
    int64_t height = *out, width = *out;
    int status = member_i64(&height, d, value, "height");
    if (status == OK)
        status = member_i64(&width, d, value, "width");
    if (status == OK && height != width)
        status = member_refuse(d, value, "only squares are supported");
    *out = height;
    return status;
}

static const struct member square_members[] = {{"height", MEMBER_READ, 0}, {"width", MEMBER_READ, 0}, {0}};

/* The shorter side, or both: a number, or an object. */
static int get_size(struct preprocess *out, const struct weights_document *d, const struct json *processor)
{
    static const struct member shortest_members[] = {{"shortest_edge", MEMBER_READ, 0}, {0}};
    const struct json *value = member_get(processor, "size");
    bool is_square = false; /* default_to_square of CLIP's */
    int status = member_bool(&is_square, d, processor, "default_to_square");
    if (status != OK || !value)
        return status;
    if (json_type(value) != JSON_OBJECT) {
        const bool is_pair = json_type(value) == JSON_ARRAY; /* height and width */
        out->resize_mode = is_square || is_pair ? RESIZE_SQUASH : RESIZE_SHORTEST;
        return member_side(&out->resize_px, d, processor, "size");
    }
    if (member_get(value, "shortest_edge")) {
        out->resize_mode = RESIZE_SHORTEST;
        status = members_check(d, value, "size.", shortest_members, NULL);
        return status == OK ? member_i64(&out->resize_px, d, value, "shortest_edge") : status;
    }
    if (!member_get(value, "height") || !member_get(value, "width"))
        return member_refuse(d, value, "expected a number, 'shortest_edge', or 'height' and 'width'");
    out->resize_mode = RESIZE_SQUASH;
    status = members_check(d, value, "size.", square_members, NULL);
    return status == OK ? get_square(&out->resize_px, d, value) : status;
}

/* The crop must have the size of the model's input. */
static int check_crop(const struct preprocess *p, const struct weights_document *d,
                      const struct json *processor)
{
    const struct json *value = member_get(processor, "crop_size"),
                      *does = json_get(processor, "do_center_crop"); /* null turns it off */
    bool crops = true;
    int64_t px = value ? p->image_px : 224; /* CLIPImageProcessor's default */
    int status = member_switch(&crops, d, processor, "do_center_crop");
    if (status == OK && !crops && (p->resize_mode != RESIZE_SQUASH || p->resize_px != p->image_px))
        status = member_refuse(d, does, "without a crop, pictures do not have the size that the model takes");
    if (status != OK || !crops)
        return status;
    if (value && json_type(value) == JSON_OBJECT) {
        status = members_check(d, value, "crop_size.", square_members, NULL);
        if (status == OK)
            status = get_square(&px, d, value);
    } else if (value) {
        status = member_side(&px, d, processor, "crop_size");
    }
    if (status == OK && px != p->image_px && value)
        status =
            json_error(d->doc, value, "'crop_size' is %" PRId64 ", but the model takes %" PRId64 " pixels",
                       px, p->image_px);
    else if (status == OK && px != p->image_px)
        status = error_set(ERR_FORMAT,
                           "%s: 'crop_size' is missing and defaults to %" PRId64
                           ", but the model takes %" PRId64 " pixels",
                           json_name(d->doc), px, p->image_px);
    return status;
}

/* Refuses null, which does not mean the default: for the filter it selects transformers' bilinear, for the
 * rest it is an error there. */
static int refuse_null(const struct weights_document *d, const struct json *processor, const char *key)
{
    const struct json *value = json_get(processor, key);
    return value && json_type(value) == JSON_NULL ? member_refuse(d, value, "expected a value, found null")
                                                  : OK;
}

static int get_filter(struct preprocess *out, const struct weights_document *d, const struct json *processor)
{
    static const int filters[] = {[1] = INTERPOLATION_LANCZOS,
                                  [2] = INTERPOLATION_BILINEAR,
                                  [3] = INTERPOLATION_BICUBIC,
                                  [4] = INTERPOLATION_BOX,
                                  [5] = INTERPOLATION_HAMMING};
    int64_t number = 3; /* of PIL.Image.Resampling */
    int status = member_i64(&number, d, processor, "resample");
    if (status == OK && (number < 1 || number > 5))
        return member_refuse(d, json_get(processor, "resample"),
                             "expected 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)");
    if (status == OK)
        out->interpolation = (enum interpolation)filters[number];
    return status;
}

static int get_levels(struct preprocess *out, const struct weights_document *d, const struct json *processor)
{
    const struct json *mean = member_get(processor, "image_mean"), *std = member_get(processor, "image_std");
    bool rescales = true, normalizes = true;
    int status = member_switch(&rescales, d, processor, "do_rescale");
    if (status == OK)
        status = member_switch(&normalizes, d, processor, "do_normalize");
    if (status == OK && rescales)
        status = refuse_null(d, processor, "rescale_factor");
    if (status == OK && normalizes)
        status = refuse_null(d, processor, "image_mean");
    if (status == OK && normalizes)
        status = refuse_null(d, processor, "image_std");
    if (status == OK && rescales)
        status = member_f64(&out->scale, d, processor, "rescale_factor");
    if (status == OK && !(out->scale > 0))
        status = member_refuse(d, json_get(processor, "rescale_factor"), "expected a number above 0");
    out->scale = rescales ? out->scale : 1.0;
    if (status == OK && mean)
        status = get_statistic(out->mean, d, mean, false);
    if (status == OK && std)
        status = get_statistic(out->std, d, std, true);
    for (int c = 0; !normalizes && c < 3; c++) {
        out->mean[c] = 0.0;
        out->std[c] = 1.0;
    }
    return status;
}

int weights_hugging_face_preprocess(struct preprocess *out, const struct weights_document *d,
                                    const struct json *processor)
{
    bool resizes = true;
    if (json_type(processor) != JSON_OBJECT)
        return json_error(d->doc, processor, "expected an object");
    int status = OK;
    if ((status = check_type(d, processor, "image_processor_type")) == OK &&
        (status = check_type(d, processor, "feature_extractor_type")) == OK &&
        (status = members_check(d, processor, "", processor_members, NULL)) == OK)
        status = member_switch(&resizes, d, processor, "do_resize");
    if (status == OK && resizes)
        status = refuse_null(d, processor, "size");
    if (status == OK && resizes)
        status = refuse_null(d, processor, "resample");
    out->resize_px = 224; /* CLIPImageProcessor's default */
    if (status == OK)
        status = get_size(out, d, processor);
    if (!resizes) {
        out->resize_mode = RESIZE_NONE;
        out->resize_px = out->image_px;
    }
    if (status == OK && (status = check_crop(out, d, processor)) == OK &&
        (status = get_filter(out, d, processor)) == OK)
        status = get_levels(out, d, processor);
    if (status == OK && preprocess_check(out) != OK)
        status = error_context("%s", json_name(d->doc));
    return status;
}
