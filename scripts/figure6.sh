#!/usr/bin/env bash
# Figures 6 and 7 of the paper: how predictions and confidence of images change from n = 0 to N.
#
#   scripts/figure6.sh [--dataset NAME] [--classes base|new] [--methods ...] --data DIR --model FILE --out runs
#
# The first seed's ProMPT run of Table 1 on the data set (caltech101, new classes, if nothing is said) is made if it is
# missing. Ends with figure6-trace.csv (every image at every n), figure6.csv (mean confidence in the right class, of the
# images that are right at every n, and of those that CLIP gets wrong and the last iteration right) and figure6.svg.
dataset=caltech101
classes=new
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    --dataset | --classes)
        printf -v "${1#--}" '%s' "${2:?$1 needs a value}"
        shift 2
        ;;
    *)
        rest+=("$1")
        shift
        ;;
    esac
done
set -- "${rest[@]}"
. "$(dirname "$0")/lib/grid.sh"
grid table1 --methods ProMPT --datasets "$dataset" --seeds 1 "$@"
$dry_run && exit
run=$(find "$out/base2new/prompt" -path "*/$dataset/seed1/checkpoint.safetensors" | sort | head -n 1)
"$prompt" eval --run "$run" --classes "$classes" --out "$out/figure6" --trace "$out/figure6-trace.csv" >/dev/null
# fields from the right, since names may hold commas: n, predicted, confidence, confidence in the label
awk -F, '
    NR == 1 { next }
    { n = $(NF - 3); key = $1; p[key, n] = $NF; if (n > N) N = n }
    { right[key, n] = $(NF - 1) == $NF; seen[key] = 1 }
    END {
        for (key in seen) {
            always = 1
            for (n = 0; n <= N; n++) always = always && right[key, n]
            group = always ? 1 : !right[key, 0] && right[key, N] ? 2 : 0
            if (!group) continue
            count[group]++
            for (n = 0; n <= N; n++) sum[group, n] += p[key, n]
        }
        print "n,always_right,corrected,n_always_right,n_corrected"
        for (n = 0; n <= N; n++)
            printf "%d,%s,%s,%d,%d\n", n, count[1] ? sprintf("%.4f", 100 * sum[1, n] / count[1]) : "",
                count[2] ? sprintf("%.4f", 100 * sum[2, n] / count[2]) : "", count[1], count[2]
    }
' "$out/figure6-trace.csv" >"$out/figure6.csv"
cat "$out/figure6.csv"
plot confidence.gp "$out/figure6.csv" "$out/figure6.svg" "confidence in the right class, $dataset, $classes classes"
