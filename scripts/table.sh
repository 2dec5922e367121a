#!/usr/bin/env bash
# Makes table N of the paper: the runs that are missing, then the table.
# usage: scripts/table.sh N --data DIR --model FILE [--out runs] [options of prompt grid]
#
#   N   1: base-to-novel generalization on eleven data sets
#       2: prompts trained on ImageNet, evaluated on ten other data sets
#       3: prompts trained on ImageNet, evaluated on its four variants
#       4: ProMPT with N = 0, 1, 2 iterations
#       5: ProMPT without its parts
#       or another key of configs/tables.json, or of the file of --tables
#
# Useful options are --datasets, --methods, --seeds, --set KEY=VALUE, --max-steps, --limit, --jobs and --dry-run;
# prompt grid --help lists all. PROMPT_DATA and PROMPT_MODEL replace --data and --model.
#
# Finished runs are kept: the same command resumes an interrupted one. It ends with runs/tableN.md, .csv and .tex, or, if
# the options select a part of the table or shorten its runs, with runs/tableN-part.md, .csv and .tex.
# scripts/table1.sh to scripts/table5.sh are names for scripts/table.sh 1 to 5.
. "$(dirname "$0")/lib/grid.sh"
case ${1:--} in
-*)
    echo "table.sh: the first argument must be the table's number; see scripts/table.sh --help" >&2
    exit 2
    ;;
esac
number=$1
shift
exec "$prompt" grid --table "$number" "${options[@]}" "$@" # in place of this script, so that signals reach the grid
