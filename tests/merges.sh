#!/usr/bin/env bash
# Puts the merges of CLIP's tokenizer into DIR/clip, where the tests read them, and checks their SHA-256.
# usage: tests/merges.sh DIR
#
# They come from PROMPT_TEST_DATA, else from the open_clip of the parity tests' environment, else by
# scripts/fetch_merges.sh from open_clip's wheel. Exit status 77, "skipped", where there is no network either; 1 with
# PROMPT_REQUIRE_PARITY=1.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?expected a folder}/clip
name=bpe_simple_vocab_16e6.txt.gz

mkdir -p "$folder"
for source in "${PROMPT_TEST_DATA:-/none}/clip/$name" \
    "${PROMPT_PARITY_ENV:-$root/.venv-parity}"/lib/python3*/site-packages/open_clip/"$name"; do
    if [ ! -f "$folder/$name" ] && [ -f "$source" ]; then
        echo "merges of $source"
        cp "$source" "$folder/$name.$$"
        mv "$folder/$name.$$" "$folder/$name"
    fi
done
found=yes
[ -f "$folder/$name" ] || found=
if ! "$root/scripts/fetch_merges.sh" "$folder"; then # what is there already is only checked
    [ -z "$found" ] && [ "${PROMPT_REQUIRE_PARITY:-}" != 1 ] || exit 1
    echo "skipped: CLIP's merges cannot be fetched; PROMPT_TEST_DATA (a data root) may hold them in clip/"
    exit 77
fi
