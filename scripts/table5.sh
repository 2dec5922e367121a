#!/usr/bin/env bash
# Table 5 of the paper: ProMPT without its parts; scripts/table.sh --help has the options.
exec "$(dirname "$0")/table.sh" 5 "$@"
