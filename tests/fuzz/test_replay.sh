#!/usr/bin/env bash
# The replay of a kept corpus fails on a finding, and on a corpus that is damaged, empty or not there. And each reader has
# seeds. usage: test_replay.sh FUZZ_CAN_FAIL
set -uo pipefail
can_fail=$1
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
n=0 n_failed=0

expect() { # STATUS TEXT PROGRAM FILE
    local found=0 text
    text=$("$3" "$4" 2>&1) || found=$?
    n=$((n + 1))
    if [ "$found" -ne "$1" ] || ! grep -qF -- "$2" <<<"$text"; then
        echo "FAILED $4: expected status $1 and '$2', found status $found and '$text'"
        n_failed=$((n_failed + 1))
    fi
}
printf '676f6f64\n' >"$folder/good"
printf '676f6f64\n62616421\n' >"$folder/finding"
printf '676f6f64\n6261z4\n' >"$folder/no_digit"
printf '626\n' >"$folder/odd"
: >"$folder/empty"
expect 0 "1 inputs" "$can_fail" "$folder/good"
expect 134 "expected n < 3" "$can_fail" "$folder/finding" # abort()
expect 1 "no_digit:2: expected hexadecimal digits" "$can_fail" "$folder/no_digit"
expect 1 "odd:1: an odd number of digits" "$can_fail" "$folder/odd"
expect 1 "holds no input" "$can_fail" "$folder/empty"
expect 1 "No such file" "$can_fail" "$folder/none"

while read -r name; do
    n=$((n + 1))
    python3 -B "$here/seeds.py" "$name" "$folder/$name" && [ -s "$folder/$name/seed-00" ] || n_failed=$((n_failed + 1))
done < <(sed -n 's/^\([a-z][a-z_]*\) .*/\1/p' "$here/readers.txt")
echo "replay: $n checked, $n_failed failed"
[ $n_failed -eq 0 ]
