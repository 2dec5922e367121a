#!/usr/bin/env bash
# Table 5 of the paper: ProMPT without its parts.
# Options are those of prompt grid, --datasets, --methods, --seeds, --set KEY=VALUE, --max-steps, --limit, --dry-run:
#   scripts/table5.sh --data DIR --model FILE --out runs
# What is done is not run again; the same command goes on. Ends with runs/table5.md, .csv and .tex, of a part or a try
# with runs/table5-part.md, .csv and .tex.
. "$(dirname "$0")/lib/grid.sh"
table table5 "$@"
