#!/usr/bin/env bash
# Makes `mini`, the small CLIP of configs/mini/, again: draws the development world, pre-trains by
# configs/mini/pretrain.json, and measures zero-shot accuracy on pairs of words that pre-training has and on those it has
# not. About an hour on two cores; interrupted, the same command goes on.
# usage: scripts/mini.sh [--out DIR] [options of prompt pretrain, as --threads N]
#
# Ends with DIR/run/model.safetensors, to be put in place of configs/mini/mini.safetensors. On another processor or libtorch
# the sums are rounded otherwise, and the weights are other ones of the same quality. The rates of the presets belong to
# the model: scripts/mini_rates.sh.
default_out=mini
. "$(dirname "$0")/lib/grid.sh"
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) shift ;;
    --out=*) ;;
    *) rest+=("$1") ;;
    esac
    shift
done

for world in dev test seen; do
    [ -e "$out/$world" ] || "$prompt" data synth "$out/$world" --world $world
done
if [ -e "$out/run/checkpoint.safetensors" ]; then
    "$prompt" pretrain --resume --data "$out/dev" --dataset caltech101 --out "$out/run" "${rest[@]}"
else
    "$prompt" pretrain --config "$root/configs/mini/pretrain.json" --data "$out/dev" --dataset caltech101 --out "$out/run" \
        "${rest[@]}"
fi
for world in test seen dev; do
    echo "zero-shot accuracy, world $world:"
    rm -rf "$out/zero-shot-$world"
    "$prompt" eval --config "$root/configs/mini/clip.json" --model "$out/run/model.safetensors" --data "$out/$world" \
        --datasets main,domain --classes all --out "$out/zero-shot-$world" --quiet
done
