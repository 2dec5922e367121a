#!/usr/bin/env bash
# Fuzzes the readers of untrusted bytes, one after the other on one core, with libFuzzer under sanitizers.
# usage: scripts/fuzz.sh [TARGET] [SECONDS] [--runs N] [--keep] [--list]
#
#   TARGET     one reader of tests/fuzz/readers.txt, or all (the default)
#   SECONDS    time for each reader (default: 60)
#   --runs N   stop after N inputs for each reader, in place of SECONDS
#   --keep     afterwards write the smallest set of inputs with the same coverage to tests/fuzz/corpus/TARGET.txt
#   --list     print the names of the readers
#
# Starts from the kept corpus, valid files (tests/fuzz/seeds.py) and the inputs that earlier runs on this machine found.
# Prints for each reader the number of inputs, inputs a second, covered edges, covered lines of the reader's own files, and
# findings. A finding is written to build-fuzz/findings/ and reported; the exit status is then 1.
set -euo pipefail
. "$(dirname "$0")/lib/help.sh"
cd "$(dirname "$script")/.."

fail() {
    echo "fuzz.sh: $*" >&2
    exit 2
}
table=tests/fuzz/readers.txt
build="build-fuzz"
names=$(sed -n 's/^\([a-z][a-z_]*\) .*/\1/p' $table)

target=all seconds=60 runs='' keep=false n_words=0
while [ $# -gt 0 ]; do
    case $1 in
    --runs)
        runs=${2:?--runs needs a number}
        [[ $runs =~ ^[1-9][0-9]*$ ]] || fail "--runs: expected a number from 1, found '$runs'"
        shift
        ;;
    --keep) keep=true ;;
    --list)
        echo "$names"
        exit 0
        ;;
    --help | -h)
        print_help
        exit
        ;;
    -*) fail "unknown option '$1'; see scripts/fuzz.sh --help" ;;
    *)
        n_words=$((n_words + 1))
        case $n_words in
        1) target=$1 ;;
        2) seconds=$1 ;;
        *) fail "unexpected '$1'; see scripts/fuzz.sh --help" ;;
        esac
        ;;
    esac
    shift
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "SECONDS: expected a number from 1, found '$seconds'"
if [ "$target" = all ]; then
    targets=$names
else
    grep -qx -- "$target" <<<"$names" || fail "no reader '$target'; there are: ${names//$'\n'/ }"
    targets=$target
fi

scripts/setup.sh --preset fuzz >"${TMPDIR:-/tmp}/prompt-fuzz-setup.$$" 2>&1 || {
    cat "${TMPDIR:-/tmp}/prompt-fuzz-setup.$$" >&2
    rm -f "${TMPDIR:-/tmp}/prompt-fuzz-setup.$$"
    exit 1
}
rm -f "${TMPDIR:-/tmp}/prompt-fuzz-setup.$$"
mkdir -p $build/findings
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-14)
export ASAN_SYMBOLIZER_PATH OMP_NUM_THREADS=1 UBSAN_OPTIONS=print_stacktrace=1 LLVM_PROFILE_FILE=/dev/null

# Lines of FILES that the inputs in the folders reach: "93.1 %".
lines_covered() { # TARGET FILES FOLDER...
    local name=$1 files=$2 folder=$build/corpus/$1
    shift 2
    LLVM_PROFILE_FILE=$folder/lines.profraw $build/tests/fuzz/"fuzz_$name" -runs=0 "$@" 2>/dev/null || true
    llvm-profdata-14 merge -o "$folder/lines.profdata" "$folder/lines.profraw"
    llvm-cov-14 export -summary-only -instr-profile "$folder/lines.profdata" $build/tests/fuzz/"fuzz_$name" |
        python3 -c '
import json, sys
files = tuple("/" + name for name in sys.argv[1].split(","))
lines = [f["summary"]["lines"] for f in json.load(sys.stdin)["data"][0]["files"] if f["filename"].endswith(files)]
print("%.1f %%" % (100 * sum(l["covered"] for l in lines) / sum(l["count"] for l in lines)))' "$files"
}

# The inputs that are needed to reach what all reach.
keep_corpus() { # TARGET FOLDER...
    local name=$1 folder=$build/corpus/$1
    shift
    rm -rf "$folder/smallest"
    mkdir "$folder/smallest"
    $build/tests/fuzz/"fuzz_$name" -merge=1 -max_len=4096 "$folder/smallest" "$@" >"$folder/merge.log" 2>&1 ||
        { tail -3 "$folder/merge.log" >&2; return 1; }
    python3 -B tests/fuzz/corpus.py pack "$name" "$folder/smallest"
}

n_findings=0
printf '%-12s %12s %9s %7s  %-8s %s\n' reader inputs "a second" edges lines findings
for name in $targets; do
    read -r _ _ _ largest limit at_once in_all files < <(grep "^$name " $table)
    folder=$build/corpus/$name
    mkdir -p "$folder/grown" "$folder/kept"
    python3 -B tests/fuzz/corpus.py unpack "$name" "$folder/kept"
    python3 -B tests/fuzz/seeds.py "$name" "$folder/seeds"
    options=("-max_len=$largest" "-timeout=$limit" "-malloc_limit_mb=$at_once" "-rss_limit_mb=$in_all" -print_final_stats=1
        "-artifact_prefix=$build/findings/$name-")
    [ ! -e "tests/fuzz/$name.dict" ] || options+=("-dict=tests/fuzz/$name.dict")
    # libtorch's zip reader leaks when it refuses a file, and each look for leaks costs 30 ms; the replay under preset asan looks
    [ "$name" != archive ] || options+=(-detect_leaks=0)
    if [ -n "$runs" ]; then options+=("-runs=$runs"); else options+=("-max_total_time=$seconds"); fi
    status=0
    $build/tests/fuzz/"fuzz_$name" "${options[@]}" "$folder/grown" "$folder/kept" \
        "$folder/seeds" >"$folder/log" 2>&1 || status=$?
    stat_of() { sed -n "s/^stat::$1: *//p" "$folder/log" | tail -1; }
    inputs=$(stat_of number_of_executed_units) speed=$(stat_of average_exec_per_sec)
    edges=$(LC_ALL=C sed -n 's/^#[0-9].* cov: \([0-9]*\).*/\1/p' "$folder/log" | tail -1)
    finding=$(LC_ALL=C sed -n 's/.*Test unit written to //p' "$folder/log" | tail -1)
    lines=-
    if [ $status -eq 0 ]; then
        lines=$(lines_covered "$name" "$files" "$folder/grown" "$folder/kept" "$folder/seeds")
    elif [ -z "$finding" ]; then
        tail -5 "$folder/log" >&2
        finding="no input: exit status $status, see $folder/log"
    fi
    printf '%-12s %12s %9s %7s  %-8s %s\n' "$name" "${inputs:--}" "${speed:--}" "${edges:--}" "$lines" "${finding:-none}"
    if [ -n "$finding" ]; then
        n_findings=$((n_findings + 1))
        cp "$folder/log" "$build/findings/$name.log"
        grep -a -m1 -E 'ERROR: |runtime error: |: expected .*; the last message' "$folder/log" || true
    elif $keep; then
        keep_corpus "$name" "$folder/grown" "$folder/kept" "$folder/seeds"
    fi
done
[ $n_findings -eq 0 ] || { echo "fuzz.sh: findings in $n_findings readers; $build/findings/READER.log has their traces"; exit 1; }
