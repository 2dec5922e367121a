# Shared by all figures: size, fonts, colours, and from top to bottom a title, the axes, the legend and a note.
# plot of lib/grid.sh runs a figure as: gnuplot -c FIGURE.gp OUTPUT.svg TITLE NOTE INPUT.csv...
#
# The figure first sets width and height (pixels) and n_legend_rows, then calls this file with OUTPUT, TITLE and NOTE.
# The axes end at pixel axis_bottom. Names of data sets and keys contain underscores, so no text is in gnuplot's markup:
# the terminal is noenhanced.

# the palette of Okabe and Ito, which colour-blind readers can tell apart
blue = "#0072b2"
orange = "#d55e00"
green = "#009e73"
purple = "#cc79a7"
grey = "#666666"

# screen coordinates of pixels from the top left corner
x_of(pixels) = pixels / real(width)
y_of(pixels) = 1 - pixels / real(height)
# room at both ends of a range, of a single value too
pad(low, high) = low < high ? 0.08 * (high - low) : 1

note = ARG3
n_note_lines = note eq "" ? 0 : 1 + (sum [i = 1:strlen(note)] (note[i:i] eq "\n"))
axis_left = 82
axis_right = width - 20
axis_top = 48
legend_bottom = height - 12 - 15 * n_note_lines
axis_bottom = legend_bottom - 22 * n_legend_rows - 54

set terminal svg size width,height noenhanced font "sans-serif,14" rounded background "white"
set encoding utf8
set output ARG1
set datafile separator ","
set datafile missing ""
set label 1 ARG2 at screen 0.5, screen y_of(24) center font ",16"
set label 2 note at screen 0.5, screen y_of(legend_bottom + 12) center font ",11" tc rgb grey
set key at screen x_of(axis_left - 8), screen y_of(legend_bottom) left bottom reverse Left samplen 2.5 spacing 1.1 \
    maxrows n_legend_rows
set lmargin at screen x_of(axis_left)
set rmargin at screen x_of(axis_right)
set tmargin at screen y_of(axis_top)
set bmargin at screen y_of(axis_bottom)
set border 3 lc rgb "#333333"
set tics nomirror out scale 0.6
set xtics offset 0, 0.3
set xlabel offset 0, 0.8
set grid ytics lt 1 lw 0.5 lc rgb "#dddddd"
set pointsize 0.8
