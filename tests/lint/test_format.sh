#!/usr/bin/env bash
# Every tracked C and C++ file is as clang-format 14 writes it (other versions differ).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

skip() {
    echo "skipped: $*"
    [ "${PROMPT_REQUIRE_PARITY:-}" = 1 ] && exit 1
    exit 77
}
format=$(command -v clang-format-14 || command -v clang-format) || skip "clang-format 14 is not here (clang-format-14)"
"$format" --version | grep -q ' version 14\.' || skip "expected clang-format 14, found $("$format" --version)"

printf 'int  f( );\n' | "$format" --dry-run -Werror --style=file --assume-filename=x.c 2>/dev/null &&
    { echo "a badly formatted line was not found"; exit 1; }

mapfile -t files < <(git ls-files '*.c' '*.h' '*.cpp' '*.hpp' 2>/dev/null)
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(find include shim src tests -name '*.[ch]' -o -name '*.[ch]pp')
present=()
for file in "${files[@]}"; do
    [ ! -e "$file" ] || present+=("$file")
done
n_failed=0
if ! "$format" --dry-run -Werror "${present[@]}" 2>/dev/null; then # all at once: loading it takes longer than a file
    for file in "${present[@]}"; do
        "$format" --dry-run -Werror "$file" 2>/dev/null || {
            echo "FAILED $file: run clang-format-14 -i $file"
            n_failed=$((n_failed + 1))
        }
    done
    [ $n_failed -gt 0 ] || { echo "clang-format fails on all files, and on none of them alone"; exit 1; }
fi
echo "format: ${#files[@]} files checked, $n_failed differ"
[ $n_failed -eq 0 ] && [ ${#files[@]} -gt 0 ]
