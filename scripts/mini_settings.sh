#!/usr/bin/env bash
# Chooses settings of configs/mini/ on the development world, whose pairs of words, pictures and cameras are not those of
# the test world: trains every method with each value of a list and three seeds, and prints the averages of each by value;
# the preset takes the value of the highest HM.
# usage: scripts/mini_settings.sh rates|depth|length [--out DIR] [--threads N] [options of prompt grid]
#
#   rates     learning rates, at the published lengths
#   depth     prompted vision layers of ProMPT, and text layers of IVLP and MaPLe, which are chosen with the rate
#   length    epochs, the same list for every method; the rates are those of the presets
. "$(dirname "$0")/lib/grid.sh"
table=${1:-}
case $table in
rates | depth | length) shift ;;
*)
    echo "mini_settings.sh: the first argument must be rates, depth or length; see scripts/mini_settings.sh --help" >&2
    exit 2
    ;;
esac
tables=$root/configs/mini/tables.json
[ -e "$out/dev" ] || "$prompt" data synth "$out/dev" --world dev --seed 1
options+=(--data "$out/dev" --model "$root/configs/mini/mini.safetensors" --tables "$tables")
grid "$table" --name "$table" "$@" >/dev/null
echo "method,value,base,new,HM"
averages "$out/$table.csv" | awk -F, '
    $4 == "" { next }
    $2 == "" && match($1, / \(/) { # a row of its own for this value, as its name says
        $2 = substr($1, RSTART + 2, length($1) - RSTART - 2)
        $1 = substr($1, 1, RSTART - 1)
        sub(/ epochs$/, "", $2)
    }
    { print $1 "," $2 "," $4 "," $5 "," $6 }
    $2 != "" && (!($1 in best) || $6 > hm[$1]) { best[$1] = $2; hm[$1] = $6 }
    END { for (name in best) print "best of " name ": " best[name] }
'
