#!/usr/bin/env bash
# Runs the demonstration from nothing: installs what is missing, builds, draws a world of pictures, evaluates `mini` (the
# small CLIP of this repository), trains CoOp, CoCoOp and ProMPT on base classes with three seeds each, evaluates base and
# new classes, prints the tables, and writes a page on the runs of one data set. It needs no weights, no data and no GPU.
# usage: scripts/demo.sh [--out DIR] [--threads N]
#
#   --out DIR      folder of the pictures, the runs and the tables (default: demo)
#   --threads N    CPU threads (default: 0, one per core). mini is too small to use more than one thread, so N runs are made
#                  at a time
#
# Finished runs are kept: the same command resumes an interrupted one. The script fails unless the mean base accuracy of
# every learner is at least 5 points above CLIP's, and ProMPT's HM at least 4 points above CLIP's in every seed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$(dirname "$0")/lib/help.sh"

out=
threads=0
while [ $# -gt 0 ]; do
    case $1 in
    --out | --threads)
        printf -v "${1#--}" '%s' "${2:?$1 needs a value}"
        shift
        ;;
    -h | --help)
        print_help
        exit
        ;;
    *)
        echo "demo.sh: unknown option '$1'; see scripts/demo.sh --help" >&2
        exit 2
        ;;
    esac
    shift
done

[ -z "$out" ] || out=$(realpath -m "$out") # relative to the folder that the script was called in
cd "$root"
out=${out:-demo}
scripts/setup.sh
began=$SECONDS
prompt=build/prompt

tables=configs/mini/tables.json
world=$out/world
seed=6 # 1 to 5 were used in earlier tests, 9 and 10 in choosing the cameras of the test world
if [ -e "$world" ]; then # drawn by this program with this seed?
    $prompt data synth "$out/check" --seed $seed --layouts eurosat --force
    status=0
    cmp -s "$out/check/SYNTHETIC" "$world/SYNTHETIC" || status=$?
    rm -r "$out/check"
    if [ $status -ne 0 ]; then
        echo "demo.sh: '$out' holds a different demonstration; remove it, or give another --out" >&2
        exit 1
    fi
else
    $prompt data synth "$world" --seed $seed
fi
$prompt grid --tables $tables --table demo --data "$world" --model configs/mini/mini.safetensors --jobs "$threads" --threads 1 \
    --out "$out"

status=0
scripts/lib/demo_summary.sh --out "$out" || status=$?
$prompt report "$out"/{clip,coop,cocoop,prompt}/oxford_flowers --data "$world" --out "$out/report.html" || status=$?
echo "demo: took $((SECONDS - began)) s after the set-up; tables: $out/demo.md, .csv, .tex and $out/summary.md; page: $out/report.html; runs: $out"
exit $status
