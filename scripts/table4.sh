#!/usr/bin/env bash
# Table 4 of the paper: ProMPT with N = 0, 1, 2 iterations.
# Options are those of prompt grid, --datasets, --methods, --seeds, --set KEY=VALUE, --max-steps, --limit, --dry-run:
#   scripts/table4.sh --data DIR --model FILE --out runs
# What is done is not run again; the same command goes on. Ends with runs/table4.md, .csv and .tex, of a part or a try
# with runs/table4-part.md, .csv and .tex.
. "$(dirname "$0")/lib/grid.sh"
table table4 "$@"
