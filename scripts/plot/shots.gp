# Accuracy over shots, a line for each method. input, output, title, n_columns: set by the caller.
set terminal svg size 720,420 font "sans-serif,13" background "white"
set output output
set datafile separator ","
set datafile missing ""
set title title noenhanced
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key outside right
set logscale x 2
set xlabel "training images per class"
set ylabel "accuracy, %"
set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05
plot for [i = 2:n_columns] input using 1:i with linespoints pt 7 lw 2 title columnheader(i) noenhanced
