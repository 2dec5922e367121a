#!/usr/bin/env python3
"""Decoding of photographs by one thread, builds of image_tool and Pillow side by side, in images a second.

usage: decode.py FOLDER TOOL [TOOL ...]

FOLDER holds photographs, at any depth: 500 of them, drawn by a fixed seed, are copied into memory, so that no disk is
measured. Each is decoded by every TOOL (build/tests/image_tool of this build and of an older one) and, where the Python
that runs this has it, by Pillow, in turns, in nine rounds; of each picture the least time counts.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

try:
    from PIL import Image, __version__
except ImportError:
    Image = None

N_PICTURES, N_ROUNDS = 500, 9


def pictures(folder, target):
    found = sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
                   if name.lower().endswith((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")))
    chosen = random.Random(5).sample(found, min(N_PICTURES, len(found)))
    return [shutil.copy(path, os.path.join(target, f"{i}.image")) for i, path in enumerate(chosen)]


def by_pillow(path):
    start = time.perf_counter()
    with Image.open(path) as image:
        image.convert("RGB").tobytes()
    return time.perf_counter() - start


def by_tool(tool):
    process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(path):
        process.stdin.write(f"time {path} 224\n")
        process.stdin.flush()
        words = process.stdout.readline().split()
        if words[0] != "ok":
            sys.exit(f"{tool}: {path}: {' '.join(words)}")
        return int(words[1]) / 1e9
    return measure


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    decoders = {tool: by_tool(tool) for tool in sys.argv[2:]}
    if Image:
        decoders[f"Pillow {__version__}"] = by_pillow
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as target:
        paths = pictures(sys.argv[1], target)
        least = {name: dict.fromkeys(paths, float("inf")) for name in decoders}
        for _ in range(N_ROUNDS):
            for name, measure in decoders.items():
                for path in paths:
                    least[name][path] = min(least[name][path], measure(path))
    rates = {name: len(paths) / sum(times.values()) for name, times in least.items()}
    first = next(iter(rates.values()))
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} images/s, {rate / first:.2f} of the first")


if __name__ == "__main__":
    main()
