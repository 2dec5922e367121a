#!/usr/bin/env bash
# Draws Figure 8 of the paper: ProMPT with other numbers of prompts a and b, layers J and loss weights lambda.
# usage: scripts/figure8.sh --data DIR --model FILE [--out runs] [options of prompt grid]
#
# The paper does not give the values: those of configs/tables.json are ours. The missing runs are made. Ends with
# runs/figure8a.md, .csv and .tex to figure8d.md, .csv and .tex, the averages in figure8a-average.csv to
# figure8d-average.csv, and figure8.svg with a panel for each.
. "$(dirname "$0")/lib/grid.sh"
status=0
notes='' counts='' inputs=()
for part in a b c d; do
    name=figure8$part
    grid "$name" --name "$name" "$@" || status=$? # values that the model rejects, as J = 12 of 6 layers, are left out
    [ $status -ne 130 ] && [ $status -ne 2 ] || exit $status
    $dry_run && continue
    averages "$out/$name.csv" | awk -F, '
        BEGIN { print "x,base,new,HM" }
        $4 != "" { print $2 "," $4 "," $5 "," $6 }
    ' >"$out/$name-average.csv"
    inputs+=("$out/$name-average.csv")
    counts+="$(data_sets "$out/$name.csv") ($part)"$'\n'
    notes+=$(note "$out/$name.csv")$'\n'
done
$dry_run && exit $status
# "average over 11 data sets"; if the panels differ, "average over 11 (a), 3 of 11 (b) data sets"
over=$(awk '
    !NF || $1 == "no" { next }
    { all = all (n++ ? ", " : "") $0; sub(/ \(.\)$/, ""); one = $0; n_different += !seen[$0]++ }
    END { print n_different == 1 ? one : all }
' <<<"$counts")
plot sweep.gp "$out/figure8.svg" "ProMPT, average over $over data sets" "$(awk 'NF && !seen[$0]++' <<<"$notes")" "${inputs[@]}"
exit $status
