/* Line charts as inline SVG. */
#include "chart.h"

#include <math.h>

#include "html.h"

/* The drawing, in its own units; the browser scales it. */
enum { WIDTH = 440, HEIGHT = 240, LEFT = 46, RIGHT = 10, TOP = 10, BOTTOM = 40, N_TICKS = 5 };

struct axis {
    double low, high, step;
};

struct plot {
    struct axis x, y;
};

static double place_x(const struct plot *p, double x)
{
    return LEFT + (x - p->x.low) / (p->x.high - p->x.low) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct plot *p, double y)
{
    return HEIGHT - BOTTOM - (y - p->y.low) / (p->y.high - p->y.low) * (HEIGHT - TOP - BOTTOM);
}

/* A step of 1, 2 or 5 times a power of ten. */
static double nice_step(double range, bool is_whole)
{
    const double raw = range / N_TICKS, power = pow(10.0, floor(log10(raw)));
    const double factor = raw / power;
    const double step = power * (factor <= 1.0 ? 1.0 : factor <= 2.0 ? 2.0 : factor <= 5.0 ? 5.0 : 10.0);
    return is_whole && step < 1.0 ? 1.0 : step;
}

static bool is_shown(const struct chart_series *s, size_t i)
{
    return isfinite(s->x[i]) && isfinite(s->y[i]);
}

static struct axis range_of(const struct chart *c, bool is_x)
{
    struct axis a = {.low = INFINITY, .high = -INFINITY};
    for (size_t k = 0; k < c->n_series; k++)
        for (size_t i = 0; i < c->series[k].n; i++) {
            const double value = is_x ? c->series[k].x[i] : c->series[k].y[i];
            if (!is_shown(&c->series[k], i))
                continue;
            a.low = fmin(a.low, value);
            a.high = fmax(a.high, value);
        }
    if (!(a.low < a.high)) {
        a.low = isfinite(a.low) ? a.low - 1.0 : 0.0;
        a.high = isfinite(a.high) ? a.high + 1.0 : 1.0;
    }
    a.step = nice_step(a.high - a.low, is_x && c->has_whole_x);
    if (!is_x) { /* from tick to tick */
        a.low = floor(a.low / a.step) * a.step;
        a.high = ceil(a.high / a.step) * a.step;
    }
    return a;
}

/* Ticks are multiples of the step; a thousandth of it is for rounding. */
static int64_t first_tick(const struct axis *a)
{
    return (int64_t)ceil(a->low / a->step - 1e-3);
}

static int64_t last_tick(const struct axis *a)
{
    return (int64_t)floor(a->high / a->step + 1e-3);
}

static void write_axes(struct str *out, const struct plot *p, const struct chart *c)
{
    for (int64_t k = first_tick(&p->y); k <= last_tick(&p->y); k++) {
        const double y = (double)k * p->y.step;
        str_appendf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, place_y(p, y), WIDTH - RIGHT);
        str_appendf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>", LEFT - 6,
                    place_y(p, y) + 4, y);
    }
    for (int64_t k = first_tick(&p->x); k <= last_tick(&p->x); k++)
        str_appendf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>",
                    place_x(p, (double)k * p->x.step), HEIGHT - BOTTOM + 16, (double)k * p->x.step);
    str_appendf(out, "<path class=\"axis\" d=\"M%d %dH%d\"/>", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT);
    str_appendf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
                HEIGHT - 6);
    html_text(out, c->x_label);
    str_appendf(out, "</text><text transform=\"rotate(-90)\" x=\"-%d\" y=\"11\" text-anchor=\"middle\">",
                (TOP + HEIGHT - BOTTOM) / 2);
    html_text(out, c->y_label);
    str_append(out, "</text>");
}

static void write_series(struct str *out, const struct plot *p, const struct chart *c, size_t k)
{
    const struct chart_series *s = &c->series[k];
    char command = 'M';
    str_appendf(out, "<path class=\"line c%zu\" d=\"", k % CHART_COLOURS);
    for (size_t i = 0; i < s->n; i++)
        if (is_shown(s, i)) {
            str_appendf(out, "%c%.1f %.1f", command, place_x(p, s->x[i]), place_y(p, s->y[i]));
            command = 'L';
        }
    str_append(out, "\"/>");
    for (size_t i = 0; c->has_points && i < s->n; i++)
        if (is_shown(s, i))
            str_appendf(
                out,
                "<circle class=\"dot c%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%.2f</title></circle>",
                k % CHART_COLOURS, place_x(p, s->x[i]), place_y(p, s->y[i]), s->y[i]);
}

/* "the title: ProMPT from 44.38 to 51.25; CoOp ..." */
static void write_alternative(struct str *out, const struct chart *c)
{
    struct str text = {0};
    str_append(&text, c->title);
    for (size_t k = 0; k < c->n_series; k++) {
        const struct chart_series *s = &c->series[k];
        if (s->n > 0)
            str_appendf(&text, "%s %s from %.4g to %.4g", k > 0 ? ";" : ":", s->name, s->y[0],
                        s->y[s->n - 1]);
    }
    html_attribute(out, "aria-label", str_text(&text));
    out->failed = out->failed || text.failed;
    str_free(&text);
}

void chart_write(struct str *out, const struct chart *c)
{
    const struct plot p = {.x = range_of(c, true), .y = range_of(c, false)};
    str_appendf(out, "<figure class=\"chart\"><svg role=\"img\" viewBox=\"0 0 %d %d\"", WIDTH, HEIGHT);
    write_alternative(out, c);
    str_append(out, ">");
    write_axes(out, &p, c);
    for (size_t k = 0; k < c->n_series; k++)
        write_series(out, &p, c, k);
    str_append(out, "</svg><figcaption>");
    html_text(out, c->title);
    if (c->n_series > 1) {
        str_append(out, "<span class=\"key\">");
        for (size_t k = 0; k < c->n_series; k++) {
            str_appendf(out, "<span><i class=\"c%zu\"></i>", k % CHART_COLOURS);
            html_text(out, c->series[k].name);
            str_append(out, "</span>");
        }
        str_append(out, "</span>");
    }
    str_append(out, "</figcaption></figure>\n");
}
