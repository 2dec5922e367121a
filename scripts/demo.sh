#!/usr/bin/env bash
# The demonstration, from nothing: sets up and builds, draws a world of pictures, takes `mini`, the small CLIP of this
# repository, evaluates it, trains CoOp, CoCoOp and ProMPT on base classes (three seeds), evaluates base and new classes,
# and prints the tables. No weights, no data and no GPU are needed.
# usage: scripts/demo.sh [--out DIR] [--threads N]
#
#   --out DIR      folder of the pictures, the runs and the tables; demo if nothing is said
#   --threads N    CPU threads; 0, the default: one per core
#
# What is done is not run again; the same command goes on. It fails unless the mean base accuracy of every learner is at
# least 5 points above CLIP's, and ProMPT's HM at least 4 points above CLIP's in every seed.
set -euo pipefail
cd "$(dirname "$0")/.."

out=demo
threads=0
while [ $# -gt 0 ]; do
    case $1 in
    --out | --threads)
        printf -v "${1#--}" '%s' "${2:?$1 needs a value}"
        shift
        ;;
    -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "demo.sh: unknown option '$1'; see scripts/demo.sh --help" >&2
        exit 2
        ;;
    esac
    shift
done

scripts/setup.sh
began=$SECONDS
set -- --out "$out"
. scripts/lib/grid.sh # $prompt and `averages`

tables=configs/mini/tables.json
world=$out/world
datasets=$(sed -n '/"demo"/,/"rows"/s/.*"datasets": "\(.*\)".*/\1/p' $tables)
[ -e "$world" ] || "$prompt" data synth "$world" --seed 1 --layouts "$datasets"
"$prompt" grid --tables $tables --table demo --data "$world" --model configs/mini/mini.safetensors --threads "$threads" \
    --out "$out"

# One line a seed and row: the averages over the data sets.
for seed in 1 2 3; do
    "$prompt" results "$out" --tables $tables --table demo --seeds $seed --format csv >"$out/seed$seed.csv"
    averages "$out/seed$seed.csv" | sed "s/^/$seed,/"
done | awk -F, '
    $6 == "" { next }
    !($2 in n) { order[++rows] = $2 }
    {
        n[$2]++
        for (m = 6; m <= 8; m++) { sum[$2, m] += $m; square[$2, m] += $m * $m }
        hm[$2, $1] = $8
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
            printf "| %s | %s | %s | %s |\n", order[i], cell(order[i], 6), cell(order[i], 7), cell(order[i], 8)
        print "\nPercent; mean ± sample standard deviation over three seeds.\n"
        for (i = 1; i <= rows; i++)
            if (order[i] !~ /CLIP|n=/) {
                gain = mean(order[i], 6) - mean("CLIP", 6)
                check(gain >= 5, sprintf("base of %s at least 5 points above CLIP (%+.1f)", order[i], gain))
            }
        for (seed = 1; seed <= 3; seed++) {
            gain = hm["ProMPT", seed] - hm["CLIP", seed]
            check(gain >= 4, sprintf("HM of ProMPT at least 4 points above CLIP, seed %d (%+.1f)", seed, gain))
        }
        if (rows == 0) check(0, "there are results")
        exit failed
    }' | tee "$out/summary.md"
echo "demo: $((SECONDS - began)) s after the set-up; the tables: $out/demo.md, .csv and .tex, $out/summary.md; the runs: $out"
