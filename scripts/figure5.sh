#!/usr/bin/env bash
# Figure 5 of the paper: ProMPT against CoCoOp on each data set's base and new classes.
# Options are those of prompt grid (see scripts/table1.sh, whose runs it shares). Ends with runs/figure5.csv and
# figure5.svg.
. "$(dirname "$0")/lib/grid.sh"
grid table1 --methods CoCoOp,ProMPT "$@"
$dry_run && exit
# columns of table1.csv: 1 data set, 2 method, 5 and 6 seeds there and expected, 7 base, 11 new
awk -F, '
    NR == 1 { print "data_set,base,new"; next }
    /^average/ || $5 < $6 { next }
    $2 == "CoCoOp" { base[$1] = $7; novel[$1] = $11 }
    $2 == "ProMPT" && $1 in base { printf "%s,%.4f,%.4f\n", $1, $7 - base[$1], $11 - novel[$1] }
' "$out/table1.csv" >"$out/figure5.csv"
plot bars.gp "$out/figure5.csv" "$out/figure5.svg" "ProMPT minus CoCoOp, points of accuracy"
