#!/usr/bin/env bash
# Each header compiles alone and twice, as C17; the shim's also as C++20. usage: test_headers.sh CC CXX
set -uo pipefail
cc=$1 cxx=$2
cd "$(dirname "$0")/../.." || exit

n=0 n_failed=0
compile() { # COMPILER HEADER OPTIONS...
    local compiler=$1 header=$2
    shift 2
    n=$((n + 1))
    if ! printf '#include "%s"\n#include "%s"\nextern int not_empty;\n' "$header" "$header" |
        "$compiler" "$@" -D_XOPEN_SOURCE=700 -Iinclude -I. -Wall -Wextra -Wpedantic -Werror -fsyntax-only -; then
        echo "FAILED $compiler $header"
        n_failed=$((n_failed + 1))
    fi
}

# A header that forgets what it needs must be found, or the test proves nothing.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'size_t f(void);' >"$folder/bad.h"
compile "$cc" "$folder/bad.h" -std=c17 -x c 2>/dev/null >&2
[ $n_failed -eq 1 ] || { echo "a header without its includes was not found"; exit 1; }
n=0 n_failed=0

for header in include/prompt/*/*.h; do
    compile "$cc" "${header#include/}" -std=c17 -x c
done
for header in src/*/*.h; do
    compile "$cc" "$header" -std=c17 -x c
done
compile "$cxx" prompt/torch/torch.h -std=c++20 -x c++
echo "headers: $n compiled, $n_failed failed"
[ $n_failed -eq 0 ] && [ $n -gt 1 ]
