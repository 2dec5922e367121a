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
world=$out/world
[ -e "$world" ] || "$prompt" data synth "$world" --seed 6
settings=(--tables "$root/configs/mini/tables.json" --data "$world" --model "$root/configs/mini/mini.safetensors")
grid table1 "${settings[@]}" --methods all --name table1 "$@" >/dev/null

differences() { # "row,mean,half of the interval"
    # shellcheck disable=SC2016 # awk's own variables
    columns "$out/table1.csv" '
        $c["HM"] == "" || $1 ~ /^average/ { next }
        { hm[$c["method"], $1] = $c["HM"]; rows[$c["method"]]; sets[$1] }
        function quantile(v,    z) { # of Student t with v degrees of freedom at 0.975, by its expansion about the normal one
            z = 1.959964
            return z + (z^3 + z) / (4 * v) + (5 * z^5 + 16 * z^3 + 3 * z) / (96 * v^2) \
                + (3 * z^7 + 19 * z^5 + 17 * z^3 - 15 * z) / (384 * v^3)
        }
        END {
            for (row in rows) {
                n = sum = square = 0
                for (set in sets)
                    if ((row, set) in hm && ("'"$reference"'", set) in hm) {
                        d = hm[row, set] - hm["'"$reference"'", set]
                        n++; sum += d; square += d * d
                    }
                if (n > 1)
                    printf "%s,%+.1f,%.1f\n", row, sum / n, quantile(n - 1) * sqrt((square - sum^2 / n) / (n - 1) / n)
            }
        }'
}

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

of_differences=$(differences)
echo "| mean of $(data_sets "$out/table1.csv") data sets | base | new | HM | HM - $reference | trained values | training, s | evaluation, s |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
averages "$out/table1.csv" | while IFS=, read -r row _ _ base new hm; do
    IFS=, read -r _ mean half < <(awk -F, -v row="$row" '$1 == row' <<<"$of_differences") || true
    IFS=, read -r trained training evaluation < <(costs "$row")
    printf '| %s | %.1f | %.1f | %.1f | %s | %s | %s | %s |\n' "$row" "$base" "$new" "$hm" "$mean ± $half" \
        "$trained" "$training" "$evaluation"
done
