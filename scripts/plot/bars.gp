# Two bars a data set. input, output, title: set by the caller.
set terminal svg size 720,420 font "sans-serif,13" background "white"
set output output
set datafile separator ","
set datafile missing ""
set title title noenhanced
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set style data histograms
set style fill solid noborder
set boxwidth 0.9
set xtics rotate by -40
set xzeroaxis lt -1
set key top left
plot for [i = 2:3] input using i:xtic(1) title columnheader noenhanced
