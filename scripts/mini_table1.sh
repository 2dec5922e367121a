#!/usr/bin/env bash
# Table 1 on the drawn world, with every method of the program: draws the test world, trains every row on eleven data sets
# with three seeds, and prints for each row its averages, its HM minus that of ProMPT with memory, the number of its trained
# values, and the seconds that a run takes.
# usage: scripts/mini_table1.sh [--out DIR] [options of prompt grid, for example --jobs 2]
#
# A difference in HM is the mean over the data sets, each of the means over its seeds, with Student's 95 % interval.
# Trained values are those on the first data set. Seconds are means over the data sets, of the runs with seed 1, as they were
# when these ran: --jobs 1 on a quiet machine is what to compare. Evaluation is that of both halves.
. "$(dirname "$0")/lib/grid.sh"
reference="ProMPT + memory"
seeds=1,2,3
for ((i = 1; i < $#; i++)); do
    [ "${!i}" != --seeds ] || seeds=${*:i+1:1}
done
world=$out/world
[ -e "$world" ] || "$prompt" data synth "$world" --seed 6
settings=(--tables "$root/configs/mini/tables.json" --data "$world" --model "$root/configs/mini/mini.safetensors")
grid table1 "${settings[@]}" --methods all --name table1 "$@" >/dev/null

costs() { # ROW: "trained values,seconds of training,seconds of evaluation"
    local runs run trained=0
    mapfile -t runs < <("$prompt" grid --table table1 "${settings[@]}" --out "$out" --methods "$1" --seeds 1 --print-folders)
    [ ! -e "${runs[0]}/config.json" ] ||
        trained=$("$prompt" train --config "${runs[0]}/config.json" --out "${runs[0]}/none" --dry-run 2>&1 |
            awk '$1 == "trained" { print $2 }')
    for run in "${runs[@]}"; do
        [ ! -e "$run/log.jsonl" ] || grep -o '"seconds": [^,}]*' "$run/log.jsonl" | sed 's/.*:/training/'
        [ ! -e "$run/results.json" ] || grep -o '"seconds": [^,}]*' "$run/results.json" | sed 's/.*:/evaluation/'
    done | awk -v n=${#runs[@]} -v trained="$trained" '
        { sum[$1] += $2 }
        END { printf "%d,%.1f,%.1f\n", trained, sum["training"] / n, sum["evaluation"] / n }'
}

of_differences=$("$prompt" results "$out" --table table1 --tables "$root/configs/mini/tables.json" --methods all \
    --seeds "$seeds" --against "$reference" --format csv)
echo "| mean of $(data_sets "$out/table1.csv") data sets | base | new | HM | HM - $reference | trained values | training, s | evaluation, s |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
averages "$out/table1.csv" | while IFS=, read -r row _ _ base new hm; do
    [ -n "$hm" ] || continue
    # shellcheck disable=SC2016 # awk's own variables
    IFS=, read -r mean half < <(columns <(echo "$of_differences") '$1 == "'"$row"'" && $c["HM_half"] != "" { print $c["HM"] "," $c["HM_half"] }') || true
    difference=–
    [ -z "$mean" ] || printf -v difference '%+.1f ± %.1f' "$mean" "$half"
    IFS=, read -r trained training evaluation < <(costs "$row")
    printf '| %s | %.1f | %.1f | %.1f | %s | %s | %s | %s |\n' "$row" "$base" "$new" "$hm" "$difference" \
        "$trained" "$training" "$evaluation"
done
