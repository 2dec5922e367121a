#!/usr/bin/env bash
# Draws Figures 6 and 7 of the paper: how the confidence of ProMPT changes over its iterations n = 0 to N.
# usage: scripts/figure6.sh [--dataset NAME] [--classes base|new] [--seeds S] --data DIR --model FILE [--out runs]
#                           [options of prompt grid]
#
# The default is the new classes of caltech101, with seed 1. The run is ProMPT's of Table 1; it is made if it is missing.
# Ends with runs/figure6-trace.csv (every image at every n), figure6.svg and figure6.csv: the mean confidence in the right
# class of the images that are right at every n, and of those that are wrong at n = 0, as CLIP is, and right at n = N.
# Its last columns are the confidences that the paper prints for its two images.
dataset=caltech101
classes=new
seeds=1
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    --dataset | --classes | --seeds)
        printf -v "${1#--}" '%s' "${2:?$1 needs a value}"
        shift 2
        ;;
    --dataset=* | --classes=* | --seeds=*)
        option=${1%%=*}
        printf -v "${option#--}" '%s' "${1#*=}"
        shift
        ;;
    *)
        rest+=("$1")
        shift
        ;;
    esac
done
set -- "${rest[@]}"
. "$(dirname "$0")/lib/grid.sh"
case $seeds in
'' | *[!0-9]*)
    echo "figure6.sh: --seeds: expected one seed, found '$seeds'" >&2
    exit 2
    ;;
esac
select=(table1 --methods ProMPT --datasets "$dataset" --seeds "$seeds" --name figure6-table "$@")
grid "${select[@]}"
$dry_run && exit
run=$(grid "${select[@]}" --print-folders)
scratch=$(mktemp -d) # of this evaluation only the trace is kept: the grid has the record already
trap 'rm -rf "$scratch"' EXIT
"$prompt" eval --run "$run" --classes "$classes" --out "$scratch" --trace "$out/figure6-trace.csv" >/dev/null

published() { # "0:10.71 1:15.25 2:15.42"
    sed -n 's/^ *"'"$1"'": {\(.*\)},\{0,1\}$/\1/p' "$root/configs/paper.json" | tr -d '" ' | tr , ' '
}
awk -F, -v figure6="$(published figure6_confidence)" -v figure7="$(published figure7_confidence)" '
    function read(text, into,    pairs, pair, i, k) {
        k = split(text, pairs, " ")
        for (i = 1; i <= k; i++) { split(pairs[i], pair, ":"); into[pair[1]] = pair[2] }
    }
    function mean(group, n) { return count[group] ? sprintf("%.4f", 100 * sum[group, n] / count[group]) : "" }
    NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
    {
        key = $c["image"]; n = $c["n"]
        p[key, n] = $c["label_confidence"]
        right[key, n] = $c["label_index"] == $c["predicted_index"]
        seen[key] = 1
        if (n > N) N = n
    }
    END {
        for (key in seen) {
            always = 1
            for (n = 0; n <= N; n++) always = always && right[key, n]
            group = always ? 1 : !right[key, 0] && right[key, N] ? 2 : 0
            if (!group) continue
            count[group]++
            for (n = 0; n <= N; n++) sum[group, n] += p[key, n]
        }
        read(figure6, paper6)
        read(figure7, paper7)
        print "n,always_right,corrected,n_always_right,n_corrected,paper_figure6,paper_figure7"
        for (n = 0; n <= N; n++)
            printf "%d,%s,%s,%d,%d,%s,%s\n", n, mean(1, n), mean(2, n), count[1], count[2], paper6[n], paper7[n]
    }
' "$out/figure6-trace.csv" >"$out/figure6.csv"
cat "$out/figure6.csv"
plot confidence.gp "$out/figure6.svg" "Confidence of ProMPT on $dataset, $classes classes" \
    "$(note "$out/figure6-table.csv")" "$out/figure6.csv"
