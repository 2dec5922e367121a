# Figures 6 and 7: mean confidence in the right class over the iterations, of two groups of images.
width = 640
height = 440
n_legend_rows = 2
call "style.gp" ARG1 ARG2 ARG3
input = ARG4

stats input using 1 every ::1 nooutput
N = STATS_max
array images[2]
do for [group = 1:2] {
    stats input using (column(group + 3)) every ::1::1 nooutput
    images[group] = STATS_max
}
count(group) = sprintf("%d image%s", images[group], images[group] == 1 ? "" : "s")
names = sprintf("'right at every n (%s)' 'wrong at n = 0, right at n = %d (%s)'", count(1), N, count(2))
colours = blue." ".orange
drawn = (images[1] > 0 ? "1 " : "").(images[2] > 0 ? "2" : "")

set xlabel "iteration n"
set ylabel "mean confidence in the right class (%)"
set xtics 0, 1, N
low = 100
high = 0
do for [group in drawn] {
    stats input using (column(group + 1)) every ::1 nooutput
    low = STATS_min < low ? STATS_min : low
    high = STATS_max > high ? STATS_max : high
}
set xrange [-0.15:N + 0.15]
set yrange [low - pad(low, high):high + pad(low, high)]
plot for [group in drawn] input using 1:(column(group + 1)) with linespoints lw 2 pt 3 + 2 * group \
    lc rgb word(colours, int(group)) title word(names, int(group))
