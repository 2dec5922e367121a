#!/usr/bin/env bash
# Figure 5 of the paper: ProMPT against CoCoOp on each data set's base and new classes.
# Options are those of prompt grid (see scripts/table1.sh, whose runs it shares). Ends with runs/figure5.csv, the table,
# figure5-difference.csv and figure5.svg.
. "$(dirname "$0")/lib/grid.sh"
grid table1 --methods CoCoOp,ProMPT --name figure5 "$@"
$dry_run && exit
columns "$out/figure5.csv" '
    BEGIN { print "data_set,base,new" }
    /^average/ || $c["n"] < $c["n_expected"] { next }
    $c["method"] == "CoCoOp" { base[$1] = $c["base"]; novel[$1] = $c["new"] }
    $c["method"] == "ProMPT" && $1 in base { printf "%s,%.4f,%.4f\n", $1, $c["base"] - base[$1], $c["new"] - novel[$1] }
' >"$out/figure5-difference.csv"
plot bars.gp "$out/figure5-difference.csv" "$out/figure5.svg" \
    "$(title "ProMPT minus CoCoOp, points of accuracy" "$out/figure5.csv" | sed 's/average over/of/')"
