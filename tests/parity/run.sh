#!/usr/bin/env bash
# Runs a Python test in the environment of the peers, which it makes first where it is missing.
# usage: run.sh SCRIPT [arguments], with PROMPT_BIN and PROMPT_TOOLS set | run.sh --setup, which only makes it
# Exit status 77, "skipped", where the environment cannot be made; 1 with PROMPT_REQUIRE_PARITY=1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

cannot() {
    echo "skipped: $*"
    [ "${PROMPT_REQUIRE_PARITY:-}" = 1 ] && exit 1
    exit 77
}

# One at a time: tests run side by side, and each would begin to make it.
exec 9>"${TMPDIR:-/tmp}/prompt-parity-$(id -u)-$(printf '%s' "${PROMPT_PARITY_ENV:-$here}" | cksum | cut -d' ' -f1).lock"
if command -v flock >/dev/null; then
    flock -w 1500 9 || cannot "another test has been making the environment for 25 minutes"
fi
python=$(bash "$here/setup.sh") || cannot "the Python environment of the peers cannot be made (see above)"
exec 9>&-

[ "$1" != --setup ] || exit 0
# the tests are run side by side: one core each
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
export PYTHONPATH=$here/.. # real_data.py
exec "$python" "$@"
