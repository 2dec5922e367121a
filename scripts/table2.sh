#!/usr/bin/env bash
# Table 2 of the paper: prompts trained on ImageNet, evaluated on ten other data sets; scripts/table.sh --help has the options.
exec "$(dirname "$0")/table.sh" 2 "$@"
