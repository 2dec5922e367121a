#!/usr/bin/env bash
# Draws the accuracy on all classes over 1, 2, 4, 8 and 16 shots, as the CoOp paper does (for ProMPT the setting is ours).
# usage: scripts/fewshot.sh --data DIR --model FILE [--out runs] [options of prompt grid]
#
# The missing runs are made. Ends with runs/fewshot.md, .csv and .tex (the table), and the average over the data sets in
# fewshot-average.csv and fewshot.svg.
. "$(dirname "$0")/lib/grid.sh"
grid fewshot --name fewshot "$@"
$dry_run && exit
# a column for each method; CLIP, which sees no shots, is a level line
averages "$out/fewshot.csv" | awk -F, '
    $4 != "" {
        if (!($1 in column)) { column[$1] = ++n; name[n] = $1 }
        if ($2 == "") level[$1] = $4; else { value[$1, $2] = $4; at[$2] = 1 }
    }
    END {
        printf "shots"
        for (i = 1; i <= n; i++) printf ",%s", name[i]
        print ""
        for (shots = 1; shots <= 1024; shots *= 2) {
            if (!(shots in at)) continue
            printf "%d", shots
            for (i = 1; i <= n; i++) printf ",%s", name[i] in level ? level[name[i]] : value[name[i], shots]
            print ""
        }
    }
' >"$out/fewshot-average.csv"
plot shots.gp "$out/fewshot.svg" "All classes, average over $(data_sets "$out/fewshot.csv") data sets" \
    "$(note "$out/fewshot.csv")" "$out/fewshot-average.csv"
