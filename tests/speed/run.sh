#!/usr/bin/env bash
# Times plain PyTorch ports beside `prompt bench` and prints the table of ratios, in the environment of the parity tests.
# usage: PROMPT_TEST_DATA=DIR tests/speed/run.sh [options of compare.py; --help]
# PROMPT_BIN is the program (build/prompt). ProMPT's whole table takes over an hour on two cores and 18 GiB;
# --methods maple promptsrc chooses other ports.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$(bash "$here/../parity/setup.sh")
PROMPT_BIN=${PROMPT_BIN:-$here/../../build/prompt} exec "$python" -B "$here/compare.py" "$@"
