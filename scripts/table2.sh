#!/usr/bin/env bash
# Table 2 of the paper: prompts trained on ImageNet, evaluated on ten other data sets.
# Options are those of prompt grid, --datasets, --methods, --seeds, --set KEY=VALUE, --max-steps, --limit, --dry-run:
#   scripts/table2.sh --data DIR --model FILE --out runs
# What is done is not run again; the same command goes on. Ends with runs/table2.md, .csv and .tex, of a part or a try
# with runs/table2-part.md, .csv and .tex.
. "$(dirname "$0")/lib/grid.sh"
table table2 "$@"
