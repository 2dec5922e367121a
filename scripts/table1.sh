#!/usr/bin/env bash
# Table 1 of the paper: base-to-novel generalization on eleven data sets.
# Options are those of prompt grid, --datasets, --methods, --seeds, --set KEY=VALUE, --max-steps, --limit, --dry-run:
#   scripts/table1.sh --data DIR --model FILE --out runs
# What is done is not run again; the same command goes on. Ends with runs/table1.md, .csv and .tex, of a part or a try
# with runs/table1-part.md, .csv and .tex.
. "$(dirname "$0")/lib/grid.sh"
table table1 "$@"
