#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test. The last line counts them and names each skipped one with its
# reason.
# usage: scripts/test.sh [options of ctest, for example -L unit]
#
#   PROMPT_TEST_DATA=DIR      folder of real data (caltech-101/, imagenet/ and the split files of other sets); without it the
#                             tests draw pictures, and one that needs photographs is skipped
#   PROMPT_REQUIRE_PARITY=1   a skipped test is a failure, unless its label says that it needs a GPU or real weights
set -euo pipefail
. "$(dirname "$0")/lib/help.sh"
cd "$(dirname "$script")/.."
case ${1:-} in
-h | --help)
    print_help
    exit
    ;;
esac

scripts/setup.sh --tests

# The peers of the parity tests: a private Python environment. Without it those tests are skipped.
if ! tests/parity/run.sh --setup; then
    echo "test: the environment of the parity tests cannot be made; they are skipped" >&2
    [ "${PROMPT_REQUIRE_PARITY:-}" != 1 ] || exit 1
fi
if [ -z "${PROMPT_TEST_DATA:-}" ]; then
    echo "test: PROMPT_TEST_DATA is not set: pictures are drawn in place of photographs"
elif [ ! -d "$PROMPT_TEST_DATA" ]; then
    echo "test: PROMPT_TEST_DATA: no folder '$PROMPT_TEST_DATA'" >&2
    exit 1
else
    PROMPT_TEST_DATA=$(cd "$PROMPT_TEST_DATA" && pwd)
    export PROMPT_TEST_DATA
fi

# Tests run side by side: a thread of OpenMP that waits gives its core away instead of keeping it busy.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
log=$results/log
status=0
# of a passed or skipped test, too, the whole output: it holds the reason
ctest --test-dir build --parallel "${PROMPT_JOBS:-$(nproc)}" --output-on-failure --no-tests=error --test-output-size-passed 1000000 \
    --output-junit "$results/junit.xml" "$@" 2>&1 | tee "$log" || status=$?

if [ "${PROMPT_REQUIRE_PARITY:-}" = 1 ]; then
    # "12/34 Test  #5: parity.images ....***Skipped   0.10 sec"
    skipped=$(sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: *\([^ ]*\) .*\*\*\*Skipped.*/\1/p' "$log" | sort)
    allowed=$(ctest --test-dir build -N -L 'gpu|weights' | sed -n 's/^ *Test *#[0-9]*: *//p' | sort)
    forbidden=$(comm -23 <(printf '%s\n' "$skipped") <(printf '%s\n' "$allowed") | sed '/^$/d')
    if [ -n "$forbidden" ]; then
        status=1
        echo "test: PROMPT_REQUIRE_PARITY=1, but these were skipped:" "${forbidden//$'\n'/ }"
    fi
fi
[ ! -f "$results/junit.xml" ] || python3 -B tests/summary.py "$results/junit.xml"
exit $status
