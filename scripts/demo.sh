#!/usr/bin/env bash
# The demonstration, from nothing: sets up and builds, draws a world of pictures, takes `mini`, the small CLIP of this
# repository, evaluates it, trains CoOp, CoCoOp and ProMPT on base classes (three seeds), evaluates base and new classes,
# and prints the tables. No weights, no data and no GPU are needed.
# usage: scripts/demo.sh [--out DIR] [--threads N]
#
#   --out DIR      folder of the pictures, the runs and the tables; demo if nothing is said
#   --threads N    CPU threads; 0, the default: one per core. mini is too small for more than one a run, so as many
#                  runs go on side by side
#
# What is done is not run again; the same command goes on. It fails unless the mean base accuracy of every learner is at
# least 5 points above CLIP's, and ProMPT's HM at least 4 points above CLIP's in every seed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

out=
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

[ -z "$out" ] || out=$(realpath -m "$out") # of the folder that the script was called in
cd "$root"
out=${out:-demo}
scripts/setup.sh
began=$SECONDS
prompt=build/prompt

tables=configs/mini/tables.json
world=$out/world
seed=5 # 1 to 4 of the test world are used up, 9 and 10 took part in choosing its cameras
if [ -e "$world" ]; then # of this program, and of this seed?
    $prompt data synth "$out/check" --seed $seed --layouts eurosat --force
    status=0
    cmp -s "$out/check/SYNTHETIC" "$world/SYNTHETIC" || status=$?
    rm -r "$out/check"
    if [ $status -ne 0 ]; then
        echo "demo.sh: '$out' belongs to another demonstration than this one; remove it, or give another --out" >&2
        exit 1
    fi
else
    $prompt data synth "$world" --seed $seed
fi
$prompt grid --tables $tables --table demo --data "$world" --model configs/mini/mini.safetensors --jobs "$threads" --threads 1 \
    --out "$out"

status=0
scripts/lib/demo_summary.sh --out "$out" || status=$?
echo "demo: $((SECONDS - began)) s after the set-up; the tables: $out/demo.md, .csv and .tex, $out/summary.md; the runs: $out"
exit $status
