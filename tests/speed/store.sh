#!/usr/bin/env bash
# Times Table 1 of one data set without the store of features and with a new one, in turn, and prints the ratio of the times.
# usage: tests/speed/store.sh --data DIR --model FILE [--dataset NAME] [--seeds LIST] [--limit N] [--max-steps N]
# PROMPT_BIN is the program (build/prompt). Trainings are cut short, so the accuracies mean nothing. With the default of 200
# images a list, a ViT-B/16 takes about an hour on two cores.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
prompt=${PROMPT_BIN:-$root/build/prompt}
data='' model='' dataset=caltech101 seeds=1,2,3 limit=200 steps=5
while [ $# -gt 0 ]; do
    case $1 in
    --data) data=$2 ;;
    --model) model=$2 ;;
    --dataset) dataset=$2 ;;
    --seeds) seeds=$2 ;;
    --limit) limit=$2 ;;
    --max-steps) steps=$2 ;;
    --help | -h)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"
        exit 0
        ;;
    *)
        echo "store.sh: unknown option '$1'; --help shows those there are" >&2
        exit 2
        ;;
    esac
    shift 2 || { echo "store.sh: option '$1' needs a value" >&2; exit 2; }
done
if [ -z "$data" ] || [ -z "$model" ]; then
    echo "store.sh: --data DIR and --model FILE are needed" >&2
    exit 2
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
run_table() { # NAME STORE: prints the seconds
    local began=$EPOCHREALTIME
    "$prompt" grid --tables "$root/configs/tables.json" --table 1 --datasets "$dataset" --seeds "$seeds" --data "$data" \
        --model "$model" --max-steps "$steps" --limit "$limit" --set store.dir="$2" --out "$out/$1" >"$out/$1.log" 2>&1 ||
        { cat "$out/$1.log" >&2; return 1; }
    awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", b - a }'
}
without=$(run_table without off)
with=$(run_table with "$out/store")
echo "| Table 1, $dataset, seeds $seeds, $steps steps, $limit images a list | seconds |"
echo "| --- | --- |"
echo "| without the store | $without |"
echo "| with a new store | $with |"
awk -v a="$without" -v b="$with" 'BEGIN { printf "\nratio %.2f\n", b / a }'
