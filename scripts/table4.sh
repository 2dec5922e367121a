#!/usr/bin/env bash
# Table 4 of the paper: ProMPT with N = 0, 1, 2 iterations; scripts/table.sh --help has the options.
exec "$(dirname "$0")/table.sh" 4 "$@"
