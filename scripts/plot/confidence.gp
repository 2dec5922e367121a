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
names = sprintf("'right at every n (%d images)' 'wrong at n = 0, right at n = %d (%d images)'", images[1], N, images[2])
colours = blue." ".orange
drawn = (images[1] > 0 ? "1 " : "").(images[2] > 0 ? "2" : "")

set xlabel "iteration n"
set ylabel "mean confidence in the right class (%)"
set xrange [-0.15:N + 0.15]
set xtics 0, 1, N
set offsets 0, 0, graph 0.08, graph 0.08
plot for [group in drawn] input using 1:(column(group + 1)) with linespoints lw 2 pt 3 + 2 * group \
    lc rgb word(colours, int(group)) title word(names, int(group))
