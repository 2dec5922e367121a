#!/usr/bin/env bash
# Accuracy on all classes over 1, 2, 4, 8 and 16 shots, as in the CoOp paper (ours for ProMPT).
# Options are those of prompt grid. Ends with runs/fewshot.md, .csv, .tex and fewshot.svg, the average over data sets.
. "$(dirname "$0")/lib/grid.sh"
grid fewshot --name fewshot "$@"
$dry_run && exit
# one column a method; CLIP, which sees no shots, is a level line
averages "$out/fewshot.csv" | awk -F, '
    {
        if (!($1 in column)) { column[$1] = ++n; name[n] = $1 }
        if ($2 == "") level[$1] = $5; else { value[$1, $2] = $5; at[$2] = 1 }
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
plot shots.gp "$out/fewshot-average.csv" "$out/fewshot.svg" "$(title "all classes" "$out/fewshot.csv")"
