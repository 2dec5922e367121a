#!/usr/bin/env bash
# Table 3 of the paper: prompts trained on ImageNet, evaluated on its four variants; scripts/table.sh --help has the options.
exec "$(dirname "$0")/table.sh" 3 "$@"
