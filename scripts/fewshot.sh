#!/usr/bin/env bash
# Accuracy on all classes over 1, 2, 4, 8 and 16 shots, as in the CoOp paper (ours for ProMPT).
# Options are those of prompt grid. Ends with runs/fewshot.md, .csv, .tex and fewshot.svg, the average over data sets.
. "$(dirname "$0")/lib/grid.sh"
grid fewshot "$@"
$dry_run && exit
# one column a method; CLIP, which sees no shots, is a level line
# columns of fewshot.csv: 1 data set, 3 method, 4 shots, 7 accuracy
awk -F, '
    $1 == "average" {
        if (!($3 in column)) { column[$3] = ++n; name[n] = $3 }
        if ($4 == "") level[$3] = $7; else { value[$3, $4] = $7; at[$4] = 1 }
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
' "$out/fewshot.csv" >"$out/fewshot-average.csv"
plot shots.gp "$out/fewshot-average.csv" "$out/fewshot.svg" "average over data sets"
