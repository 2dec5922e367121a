# Figure 5: ProMPT minus CoCoOp for each data set, a panel for new and one for base classes, each in falling order.
width = 860
height = 480
n_legend_rows = 0
call "style.gp" ARG1 ARG2 ARG3

# the file's name reaches the shell through the environment, so that no character of it is special
sorted(i) = sprintf('< tail -n +2 "$INPUT" | LC_ALL=C sort -t , -s -k %d,%dgr', i, i)

low = 0
high = 0
do for [i = 2:3] {
    stats sorted(i) using i nooutput
    low = STATS_min < low ? STATS_min : low
    high = STATS_max > high ? STATS_max : high
}
span = low < high ? high - low : 1
set xrange [low - 0.22 * span:high + 0.22 * span]
set yrange [STATS_records - 0.4:-0.6]
set ytics scale 0
set grid noytics xtics
set arrow 1 from 0, graph 0 to 0, graph 1 nohead lc rgb "#333333"
set style fill solid noborder
set border 1
unset key
colour(v) = v < 0 ? 0x0072b2 : 0xd55e00
text(v) = abs(v) < 0.05 ? "0.0" : sprintf("%+.1f", v)
beside(v) = v + (v < 0 ? -1 : 1) * (0.017 * strlen(text(v)) + 0.025) * span # the middle of the text beside the bar

names_width = 90
set multiplot
do for [panel = 0:1] {
    i = 3 - panel # the column
    left = panel * width / 2 + 20 + names_width
    set lmargin at screen x_of(left)
    set rmargin at screen x_of(left + width / 2 - names_width - 40)
    set tmargin at screen y_of(axis_top + 26)
    set xlabel "accuracy, ProMPT minus CoCoOp (points)"
    set title (panel == 0 ? "new classes" : "base classes") offset 0, -0.8
    plot sorted(i) using (0):0:(0):i:($0 - 0.36):($0 + 0.36):(colour(column(i))):ytic(1) \
            with boxxyerror lc rgb variable, \
        "" using (beside(column(i))):0:(text(column(i))) with labels font ",12"
    unset label # the title and the note are drawn once
}
unset multiplot
