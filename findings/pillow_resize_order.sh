#!/usr/bin/env bash
# Pillow 13.0.0 against 12.3.0: Image.resize runs its two passes in another order for some sizes.
#
# Guess: a resize is horizontal, then vertical, rounded to bytes between, as in all versions before; a new
# version gives the same bytes. Found: 13.0.0 runs the vertical pass first where the height shrinks, and
# clearly more than the width.
# Matters: CLIP's preprocessing is Pillow's bicubic resize; squashing tall pictures, and random crops in
# training, now give pixels that depend on the version. Resizes that keep the ratio of sides, as CLIP's own,
# were as before in all that were tried.
#
# Seen: to 224 x 224, largest difference in levels: 21 for 60 x 300, 8 for 300 x 600, 0 for 300 x 60 and 100 x
# 150
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for version in 12.3.0 13.0.0; do
    python3 -m venv "$version"
    "$version/bin/pip" install --quiet --no-deps "pillow==$version"
    "$version/bin/python" - "$version" << 'PYTHON'
import pickle
import random
import sys
from PIL import Image

found = {}
for size, target in (((60, 300), (224, 224)), ((300, 600), (224, 224)), ((300, 60), (224, 224)),
                     ((100, 150), (224, 224)), ((375, 500), (224, 298)), ((500, 375), (298, 224))):
    noise = Image.frombytes("RGB", size, random.Random(1).randbytes(3 * size[0] * size[1]))
    ways = {"at once": (target,), "horizontal first": ((target[0], size[1]), target),
            "vertical first": ((size[0], target[1]), target)}
    for way, steps in ways.items():
        picture = noise
        for step in steps:
            picture = picture.resize(step, Image.Resampling.BICUBIC)
        found.setdefault((size, target), {})[way] = picture.tobytes()
with open(f"{sys.argv[1]}.pickle", "wb") as file:
    pickle.dump(found, file)
PYTHON
done

python3 - << 'PYTHON'
import pickle

with open("12.3.0.pickle", "rb") as old_file, open("13.0.0.pickle", "rb") as new_file:
    old, new = pickle.load(old_file), pickle.load(new_file)
for (size, target), ways in new.items():
    earlier, later = old[size, target], ways["at once"]
    order = next(way for way in ("horizontal first", "vertical first") if ways[way] == later)
    largest = max(abs(a - b) for a, b in zip(earlier["at once"], later))
    print(f"{size} to {target}: 13.0.0 is {order}, up to {largest} levels from 12.3.0")
    assert earlier["at once"] == earlier["horizontal first"]
    assert order == ("vertical first" if size in ((60, 300), (300, 600)) else "horizontal first")
    assert (largest >= 5) == (order == "vertical first")
PYTHON
