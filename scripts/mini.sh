#!/usr/bin/env bash
# Makes `mini`, the small CLIP of configs/mini/, again: draws the development world, pre-trains as configs/mini/pretrain.json
# says, and measures the zero-shot accuracy on pairs of words that pre-training shows and on pairs that it does not show.
# usage: scripts/mini.sh [--out DIR] [options of prompt pretrain, for example --threads N]
#
# It takes about an hour on two cores; the same command resumes an interrupted one. It ends with
# DIR/run/model.safetensors (default: mini/run/model.safetensors), a replacement for configs/mini/mini.safetensors. On
# another processor or libtorch sums are rounded differently, so the weights differ but are as good. The settings of the
# presets belong to the model: scripts/mini_settings.sh chooses them.
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
