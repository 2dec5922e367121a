# Mean confidence over n. input, output, title: set by the caller.
set terminal svg size 720,420 font "sans-serif,13" background "white"
set output output
set datafile separator ","
set datafile missing ""
set title title noenhanced
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key outside right
set xlabel "n"
set ylabel "%"
set xtics 1
set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05
plot input using 1:2 with linespoints pt 7 lw 2 title "right at every n", \
    input using 1:3 with linespoints pt 7 lw 2 title "corrected"
