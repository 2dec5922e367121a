#!/usr/bin/env bash
# Fetches OpenAI's CLIP weights and the tokenizer's merges, and checks their SHA-256.
# usage: scripts/fetch_weights.sh [--dry-run] DIR [ViT-B-16] [ViT-B-32] [ViT-L-14] [ViT-L-14-336px]
#
# Without a name it fetches ViT-B-16 (0.35 GB), the model of the paper. scripts/fetch_merges.sh puts the merges into the
# same folder. An interrupted download is resumed. PROMPT_MIRROR=ADDRESS takes all files from that address, by their names.
set -euo pipefail
. "$(dirname "$0")/lib/fetch.sh"

clip=https://openaipublic.azureedge.net/clip/models
declare -A sha256=(
    [ViT-B-32]=40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af
    [ViT-B-16]=5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f
    [ViT-L-14]=b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836
    [ViT-L-14-336px]=3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02
)

read_words "dry-run" "$@"
[ ${#names[@]} -gt 0 ] || names=(ViT-B-16)
for name in "${names[@]}"; do
    [ -n "${sha256[$name]:-}" ] || fail "unknown model '$name', expected ViT-B-16, ViT-B-32, ViT-L-14 or ViT-L-14-336px"
done
need curl sha256sum

[ -n "$dry_run" ] || mkdir -p "$dir"
for name in "${names[@]}"; do
    fetch "$clip/${sha256[$name]}/$name.pt" "$dir/$name.pt" "sha256:${sha256[$name]}"
done
"$(dirname "$0")/fetch_merges.sh" ${dry_run:+--dry-run} "$dir"
[ -n "$dry_run" ] || say "done: pass --model $dir/${names[0]}.pt"
