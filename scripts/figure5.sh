#!/usr/bin/env bash
# Draws Figure 5 of the paper: ProMPT minus CoCoOp on each data set's base and new classes.
# usage: scripts/figure5.sh --data DIR --model FILE [--out runs] [options of prompt grid]
#
# The runs are those of Table 1; the missing ones are made. Ends with runs/figure5.md, .csv and .tex (the table),
# figure5-difference.csv and figure5.svg.
. "$(dirname "$0")/lib/grid.sh"
grid table1 --methods CoCoOp,ProMPT --name figure5 "$@"
$dry_run && exit
# shellcheck disable=SC2016 # awk's own variables
columns "$out/figure5.csv" '
    BEGIN { print "data_set,base,new" }
    /^average/ || $c["n"] < $c["n_expected"] { next }
    $c["method"] == "CoCoOp" { base[$1] = $c["base"]; novel[$1] = $c["new"] }
    $c["method"] == "ProMPT" && $1 in base { printf "%s,%.4f,%.4f\n", $1, $c["base"] - base[$1], $c["new"] - novel[$1] }
' >"$out/figure5-difference.csv"
plot bars.gp "$out/figure5.svg" "ProMPT against CoCoOp on $(data_sets "$out/figure5.csv") data sets" \
    "$(note "$out/figure5.csv")" "$out/figure5-difference.csv"
