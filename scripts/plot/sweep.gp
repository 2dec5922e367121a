# Base, new and HM over a swept value. input, output, title: set by the caller.
set terminal svg size 720,420 font "sans-serif,13" background "white"
set output output
set datafile separator ","
set datafile missing ""
set title title noenhanced
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key outside right
set ylabel "accuracy, %"
set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05
plot for [i = 2:4] input using 1:i with linespoints pt 7 lw 2 title columnheader noenhanced
