#!/usr/bin/env bash
# Figure 8 of the paper: ProMPT with other numbers of prompts a and b, layers J and weights lambda. The paper gives no
# values, so the grids are ours; configs/tables.json has them.
# Options are those of prompt grid. Ends with runs/figure8a.csv to figure8d.csv and figure8a.svg to figure8d.svg.
. "$(dirname "$0")/lib/grid.sh"
status=0
for part in a b c d; do
    grid "figure8$part" "$@" || status=$? # a value that the model does not take, as J = 12 of 6 layers, is left out
    [ $status -ne 130 ] && [ $status -ne 2 ] || exit $status
    $dry_run && continue
    # columns: 1 data set, 4 x, 7 base, 11 new, 15 HM
    awk -F, 'NR == 1 { print "x,base,new,HM" } /^average \(HM/ && $7 != "" { print $4 "," $7 "," $11 "," $15 }' \
        "$out/figure8$part.csv" >"$out/figure8$part-average.csv"
    plot sweep.gp "$out/figure8$part-average.csv" "$out/figure8$part.svg" "figure 8 ($part), average over data sets"
done
exit $status
