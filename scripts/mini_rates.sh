#!/usr/bin/env bash
# Chooses the learning rates of configs/mini/: trains every method with the same seven rates and three seeds on the
# development world, whose pairs of words, pictures and cameras are not those of the test world. Prints the averages of each
# method by rate; the preset takes the rate of the highest HM.
# usage: scripts/mini_rates.sh [--out DIR] [--threads N] [options of prompt grid except --data and --model]
. "$(dirname "$0")/lib/grid.sh"
[ -e "$out/dev" ] || "$prompt" data synth "$out/dev" --world dev --seed 1
options+=(--data "$out/dev" --model "$root/configs/mini/mini.safetensors" --tables "$root/configs/mini/tables.json")
grid rates --name rates "$@" >/dev/null
echo "method,rate,base,new,HM"
averages "$out/rates.csv" | awk -F, '
    $4 == "" { next }
    { print $1 "," $2 "," $4 "," $5 "," $6 }
    $2 != "" && (!($1 in best) || $6 > hm[$1]) { best[$1] = $2; hm[$1] = $6 }
    END { for (name in best) print "best of " name ": " best[name] }
'
