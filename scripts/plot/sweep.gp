# Figure 8: base, new and HM over a swept value, a panel for each file.
# The letter before "-average.csv" in a file's name, a to d, is the panel's.
width = 760
height = 600
n_legend_rows = 1
call "style.gp" ARG1 ARG2 ARG3

letter(file) = file[strlen(file) - 12:strlen(file) - 12]
axis_of(letter) = letter eq "a" ? "(a) number of vision prompts a" : letter eq "b" ? "(b) number of text prompts b" : \
    letter eq "c" ? "(c) prompted vision layers J" : "(d) loss weight λ"

# a range of values for each panel, one range of accuracy for all; before any is set, as stats obeys ranges
array first[ARGC]
array last[ARGC]
drawn = ""
low = 100
high = 0
do for [file = 4:ARGC] {
    stats ARGV[file] using 1 every ::1 nooutput
    first[file] = STATS_min
    last[file] = STATS_max
    drawn = drawn.letter(ARGV[file])
    do for [i = 2:3] {
        stats ARGV[file] using i every ::1 nooutput
        low = STATS_min < low ? STATS_min : low
        high = STATS_max > high ? STATS_max : high
    }
}
set yrange [low - pad(low, high):high + pad(low, high)]
set xtics ()

gap_x = 30
gap_y = 65
panel_width = (axis_right - axis_left - gap_x) / 2
panel_height = (axis_bottom - axis_top - gap_y) / 2
set multiplot
do for [file = 4:ARGC] {
    panel = strstrt("abcd", letter(ARGV[file])) - 1
    is_right = panel % 2
    left = axis_left + is_right * (panel_width + gap_x)
    top = axis_top + panel / 2 * (panel_height + gap_y)
    set lmargin at screen x_of(left)
    set rmargin at screen x_of(left + panel_width)
    set tmargin at screen y_of(top)
    set bmargin at screen y_of(top + panel_height)
    set xlabel axis_of(letter(ARGV[file]))
    has_left = is_right && strstrt(drawn, "abcd"[panel:panel]) > 0 # the panel to the left names the axis of both
    set ylabel (has_left ? "" : "accuracy (%)")
    set ytics format (has_left ? "" : "%g")
    if (panel == 0) {
        set logscale x 2
        room = 2 ** pad(log(first[file]) / log(2), log(last[file]) / log(2))
        set xrange [first[file] / room:last[file] * room]
    } else {
        unset logscale x
        room = pad(first[file], last[file])
        set xrange [first[file] - room:last[file] + room]
    }
    plot ARGV[file] using 1:2:xtic(1) with linespoints lw 2 pt 5 lc rgb blue title "base", \
        "" using 1:3 with linespoints lw 2 pt 7 lc rgb orange title "new", \
        "" using 1:4 with linespoints lw 2 pt 9 lc rgb green title "HM"
    unset key # the legend, the title and the note are drawn once
    unset label
}
unset multiplot
