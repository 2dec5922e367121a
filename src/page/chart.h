/* Line charts as inline SVG. They have no ids, so any number of them fit into one page; text is escaped. */
#ifndef PROMPT_SRC_PAGE_CHART_H
#define PROMPT_SRC_PAGE_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "prompt/base/str.h"

enum { CHART_COLOURS = 6 }; /* classes c0 .. c5 of the style */

struct chart_series {
    const char *name;
    const double *x, *y; /* [n]; a NaN is left out */
    size_t n;
};

struct chart {
    const char *title; /* the caption */
    const char *x_label, *y_label;
    const struct chart_series *series; /* [n_series] */
    size_t n_series;
    bool has_points;  /* with a dot at each value: for few values */
    bool has_whole_x; /* x counts: ticks are whole numbers */
};

/* Appends a figure: the chart, whose text alternative names the first and the last value of each series, and its
 * key. */
void chart_write(struct str *out, const struct chart *chart);

#endif
