#!/usr/bin/env bash
# Table 3 of the paper: prompts trained on ImageNet, evaluated on its four variants.
# Options are those of prompt grid, --datasets, --methods, --seeds, --set KEY=VALUE, --max-steps, --limit, --dry-run:
#   scripts/table3.sh --data DIR --model FILE --out runs
# What is done is not run again; the same command goes on. Ends with runs/table3.md, .csv and .tex, of a part or a try
# with runs/table3-part.md, .csv and .tex.
. "$(dirname "$0")/lib/grid.sh"
table table3 "$@"
