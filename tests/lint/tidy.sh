#!/usr/bin/env bash
# clang-tidy 14 over the C sources. It takes 50 s of CPU time, so .ci/run calls it and ctest does not. .clang-tidy lists the
# checks. The analyzer follows at most 20,000 states of a function; the default of 225,000 takes four times as long.
set -euo pipefail
cd "$(dirname "$0")/../.."

# without MPI the program is built without the file that calls it
mapfile -t files < <(git ls-files 'src/*.c')
mpi=$(mpicc --showme:incdirs 2>/dev/null) || mapfile -t files < <(git ls-files 'src/*.c' ':!src/ranks/mpi.c')
mapfile -d ' ' -t folders < <(printf %s "$mpi")
export MPI_INCLUDES="${folders[*]/#/-isystem}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# shellcheck disable=SC2016 # the inner shell expands them
printf '%s\n' "${files[@]}" | xargs -P "${PROMPT_JOBS:-$(nproc)}" -n 4 sh -c \
    'clang-tidy-14 --quiet "$@" -- -std=c17 -D_XOPEN_SOURCE=700 -DPROMPT_VERSION="\"\"" -DPROMPT_HAS_WEBP -Iinclude \
        -isystem /usr/include/stb $MPI_INCLUDES -Xclang -analyzer-config -Xclang max-nodes=20000 2>&1' tidy >"$log" || status=1
grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' "$log" || true
echo "tidy: ${#files[@]} files checked"
exit $status
