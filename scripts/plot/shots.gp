# Accuracy over the number of training images of a class: a line for each method, with its own colour and marker.
width = 640
height = 440
n_legend_rows = 1
call "style.gp" ARG1 ARG2 ARG3
input = ARG4

# the file's name reaches the shell through the environment, so that no character of it is special
n_columns = int(system('head -n 1 "$INPUT" | tr "," "\n" | wc -l'))
array name[n_columns]
do for [i = 1:n_columns] { name[i] = system(sprintf('head -n 1 "$INPUT" | cut -d , -f %d', i)) }

# CLIP is a dashed level line without markers; a method that is not known takes the look of one that is
methods = "CLIP CoOp CoCoOp ProMPT VPT"
colours = grey." ".green." ".blue." ".orange." ".purple
markers = "0 9 5 7 13"
known(name) = int(sum [i = 1:words(methods)] (word(methods, i) eq name ? i : 0))
look(i) = known(name[i]) > 0 ? known(name[i]) : 2 + i % 4

set logscale x 2
set xlabel "training images of a class (shots)"
set ylabel "accuracy (%)"
stats input using 1 every ::1 nooutput
first = STATS_min
last = STATS_max
room = 2 ** pad(log(first) / log(2), log(last) / log(2))
low = 100
high = 0
do for [i = 2:n_columns] {
    stats input using i every ::1 nooutput
    low = STATS_min < low ? STATS_min : low
    high = STATS_max > high ? STATS_max : high
}
set xrange [first / room:last * room]
set yrange [low - pad(low, high):high + pad(low, high)]
set xtics ()
plot for [i = 2:n_columns] input using 1:i:xtic(1) with linespoints lw 2 dt look(i) == 1 ? 2 : 1 \
    pt int(word(markers, look(i))) lc rgb word(colours, look(i)) title name[i]
