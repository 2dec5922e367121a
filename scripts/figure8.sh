#!/usr/bin/env bash
# Figure 8 of the paper: ProMPT with other numbers of prompts a and b, layers J and weights lambda. The paper gives no
# values, so the grids are ours; configs/tables.json has them.
# Options are those of prompt grid. Ends with runs/figure8a.csv to figure8d.csv, their averages in
# figure8a-average.csv ..., and figure8a.svg to figure8d.svg.
. "$(dirname "$0")/lib/grid.sh"
status=0
for part in a b c d; do
    name=figure8$part
    grid "$name" --name "$name" "$@" || status=$? # a value that the model does not take, as J = 12 of 6 layers, is left out
    [ $status -ne 130 ] && [ $status -ne 2 ] || exit $status
    $dry_run && continue
    averages "$out/$name.csv" | awk -F, '
        BEGIN { print "x,base,new,HM" }
        $5 != "" { print $2 "," $5 "," $6 "," $7 }
    ' >"$out/$name-average.csv"
    plot sweep.gp "$out/$name-average.csv" "$out/$name.svg" "$(title "figure 8 ($part)" "$out/$name.csv")"
done
exit $status
