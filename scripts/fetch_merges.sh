#!/usr/bin/env bash
# Fetches the merges of CLIP's tokenizer, bpe_simple_vocab_16e6.txt.gz (1.4 MB), and checks their SHA-256.
# usage: scripts/fetch_merges.sh [--dry-run] DIR
#
# pip downloads the wheel of open_clip_torch, which holds them; PIP_INDEX_URL chooses the index. Nothing is installed.
# PROMPT_MIRROR=ADDRESS takes the file itself from that address instead. An existing file is only checked.
set -euo pipefail
. "$(dirname "$0")/lib/fetch.sh"

wheel=open_clip_torch==3.3.0
name=bpe_simple_vocab_16e6.txt.gz
sum=sha256:924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a

# prints a Python that has pip: that of the private environment, else the system's
find_pip() {
    local python
    for python in "$(dirname "$0")/../.venv/bin/python" python3; do
        "$python" -m pip --version > /dev/null 2>&1 && echo "$python" && return
    done
    fail "pip is needed (python3-pip, or scripts/setup.sh, which makes .venv); or put $name of openai/CLIP into $dir"
}

# unpack PYTHON FOLDER: copies the file from the wheel in FOLDER to $dir
unpack() {
    "$1" - "$2" "$name" "$dir/$name.part" << 'PYTHON'
import pathlib, sys, zipfile
folder, name, out = sys.argv[1:]
(wheel,) = pathlib.Path(folder).glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    pathlib.Path(out).write_bytes(archive.read(f"open_clip/{name}"))
PYTHON
}

read_words "dry-run" "$@"
[ ${#names[@]} -eq 0 ] || fail "expected one folder, found '${names[0]}' too; see --help"
need sha256sum
if [ -n "${PROMPT_MIRROR:-}" ] || [ -f "$dir/$name" ]; then
    [ -f "$dir/$name" ] || need curl
    [ -n "$dry_run" ] || mkdir -p "$dir"
    fetch "$name" "$dir/$name" "$sum"
elif [ -n "$dry_run" ]; then
    say "would fetch $name from the wheel of $wheel (checksum $sum)"
else
    python=$(find_pip)
    mkdir -p "$dir"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    say "fetching $wheel, which holds $name"
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder" "$wheel" ||
        fail "pip cannot fetch $wheel; PIP_INDEX_URL chooses another index"
    unpack "$python" "$folder" || fail "the wheel of $wheel does not hold $name"
    mv "$dir/$name.part" "$dir/$name"
    fetch "$name" "$dir/$name" "$sum"
fi
