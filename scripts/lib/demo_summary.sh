#!/usr/bin/env bash
# Prints the end of the demonstration: averages over its data sets, mean and deviation over its seeds, and whether it passes.
# usage: demo_summary.sh --out DIR    (the folder of the runs; DIR/summary.md gets the same text)
#
# It fails unless the mean base accuracy of every learner is at least 5 points above CLIP's, and ProMPT's HM at least 4
# points above CLIP's in every seed.
. "$(dirname "$0")/grid.sh"
tables=$root/configs/mini/tables.json

# One line for each seed and row: the averages over the data sets.
for seed in 1 2 3; do
    "$prompt" results "$out" --tables "$tables" --table demo --seeds $seed --format csv >"$out/seed$seed.csv"
    averages "$out/seed$seed.csv" | sed "s/^/$seed,/"
done | awk -F, '
    $5 == "" || $4 ~ / of / { next } # some data sets are missing
    !($2 in n) { order[++rows] = $2 }
    {
        n[$2]++
        for (m = 5; m <= 7; m++) { sum[$2, m] += $m; square[$2, m] += $m * $m }
        hm[$2, $1] = $7
    }
    function mean(row, m) { return sum[row, m] / n[row] }
    function deviation(row, m,    v) {
        v = n[row] > 1 ? (square[row, m] - n[row] * mean(row, m) ^ 2) / (n[row] - 1) : 0
        return sqrt(v > 0 ? v : 0)
    }
    function cell(row, m) {
        return row == "CLIP" ? sprintf("%.1f", mean(row, m)) : sprintf("%.1f ± %.1f", mean(row, m), deviation(row, m))
    }
    function check(holds, text) { print (holds ? "yes: " : "NO:  ") text; failed = failed || !holds }
    END {
        print "\n| mean of the data sets | base | new | HM |\n| --- | --- | --- | --- |"
        for (i = 1; i <= rows; i++)
            printf "| %s | %s | %s | %s |\n", order[i], cell(order[i], 5), cell(order[i], 6), cell(order[i], 7)
        print "\nPercent; mean ± sample standard deviation over three seeds.\n"
        split("CLIP CoOp CoCoOp ProMPT", needed, " ")
        for (i = 1; i <= 4; i++)
            if (n[needed[i]] != 3) check(0, "all data sets and seeds of " needed[i] " are there")
        if (failed) exit 1
        for (i = 2; i <= 4; i++) {
            gain = mean(needed[i], 5) - mean("CLIP", 5)
            check(gain >= 5, sprintf("base of %s at least 5 points above CLIP (%+.1f)", needed[i], gain))
        }
        for (seed = 1; seed <= 3; seed++) {
            gain = hm["ProMPT", seed] - hm["CLIP", seed]
            check(gain >= 4, sprintf("HM of ProMPT at least 4 points above CLIP, seed %d (%+.1f)", seed, gain))
        }
        exit failed
    }' | tee "$out/summary.md"
