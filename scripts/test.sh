#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test.
# usage: scripts/test.sh [options of ctest, for example -L unit]
#
#   PROMPT_TEST_DATA=DIR      folder of real data (caltech-101/, clip/, imagenet/); without it the tests that need it are
#                             skipped
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
    echo "test: PROMPT_TEST_DATA is not set; what needs real images, CLIP's merges or ImageNet's names is skipped"
elif [ ! -d "$PROMPT_TEST_DATA" ]; then
    echo "test: PROMPT_TEST_DATA: no folder '$PROMPT_TEST_DATA'" >&2
    exit 1
else
    PROMPT_TEST_DATA=$(cd "$PROMPT_TEST_DATA" && pwd)
    export PROMPT_TEST_DATA
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
ctest --test-dir build --parallel "${PROMPT_JOBS:-$(nproc)}" --output-on-failure --no-tests=error "$@" 2>&1 | tee "$log" || status=$?

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
grep 'tests passed' "$log" || true
exit $status
