#!/usr/bin/env bash
# Table 1 of the paper: base-to-novel generalization on eleven data sets; scripts/table.sh --help has the options.
exec "$(dirname "$0")/table.sh" 1 "$@"
