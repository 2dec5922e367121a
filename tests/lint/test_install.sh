#!/usr/bin/env bash
# `cmake --install` gives a prompt that works outside the build folder, with the presets beside it.
# usage: test_install.sh BUILD
set -euo pipefail
build=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$build" --prefix "$folder" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
cd "$folder"
env -u LD_LIBRARY_PATH bin/prompt --version
env -u LD_LIBRARY_PATH bin/prompt model init --arch tiny --seed 1 --out tiny.safetensors
env -u LD_LIBRARY_PATH bin/prompt model info tiny.safetensors >shown
grep -q '^architecture' shown
n=0
for preset in share/prompt/configs/*.json; do
    case $preset in */tables.json | */paper.json) continue ;; esac
    bin/prompt train --config "$preset" --print-config >out
    grep -q '"method"' out
    n=$((n + 1))
done
# the tables and what they name are found beside the installed program
env -u LD_LIBRARY_PATH bin/prompt results . --table 5 --methods=-G >out
grep -q '^| Caltech101 | -G |' out
# what shells and man read, made from the program's own tables
bash -c 'source share/bash-completion/completions/prompt && COMP_WORDS=(prompt trai) COMP_CWORD=1 && _prompt && [ "${COMPREPLY[*]}" = train ]'
grep -q '^#compdef prompt' share/zsh/site-functions/_prompt
grep -q '^.TH PROMPT 1' share/man/man1/prompt.1
# were the build folder's own path in it, another build could change the installed program
if readelf -d bin/prompt | grep -E 'R(UN)?PATH' | grep -qF "$build"; then
    echo "the build folder is in the run path of the installed program"
    exit 1
fi
echo "install: works, $n presets"
[ "$n" -gt 0 ]
