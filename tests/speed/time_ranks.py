#!/usr/bin/env python3
"""Times training steps of several processes and threads in turn: what dividing a step costs and gains.

usage: PROMPT_BIN=build/prompt PROMPT_TEST_DATA=DIR tests/speed/time_ranks.py [--layouts 1x2,2x1] [--classes 50] [--steps 4]
           [--rounds 2] [--arch ViT-B-16] [--config configs/base2new.json] [--set KEY=VALUE]... [--against PROGRAM]

A layout is PROCESSESxTHREADS. Each round trains every layout for STEPS steps after one that warms up, with random weights and
drawn pictures. Seconds are the median and the smallest of a layout's steps; "ratio" is that of medians with the first layout.
"waits" and "moves" are the shares of the steps that the first rank waits for the others and moves data. --against trains the
first layout by another program, too, such as a build without MPI (cmake -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON), in the same turns.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))

import harness  # noqa: E402
import ranks  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", default="1x2,2x1")
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--arch", default="ViT-B-16")
    parser.add_argument("--config", default=ROOT / "configs/base2new.json")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--against")
    return parser.parse_args()


def class_names(n):
    names = [name for _, name in harness.real_data.imagenet_classes()]
    if len(names) < n:
        sys.exit(f"time_ranks.py: {n} names are needed, and {len(names)} are there: PROMPT_TEST_DATA holds ImageNet's")
    return names[:n]


def timed(program, layout, steps, words, out):
    """The records of the steps after the first."""
    os.environ["PROMPT_BIN"] = program
    n, threads = layout
    done = ranks.run(n, *words, "--out", out, "--threads", threads, "--max-steps", steps + 1, timeout=None)
    if done.status != 0:
        sys.exit(f"time_ranks.py: {n}x{threads} failed: {done.err}")
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()][1:]


def main():
    options = arguments()
    layouts = [tuple(int(number) for number in word.split("x")) for word in options.layouts.split(",")]
    found = {(harness.program(), layout): [] for layout in layouts}
    if options.against:
        found[options.against, layouts[0]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        data = harness.SmallData(root / "data", class_names(2 * options.classes), 1, 1, 1)
        model = harness.make_model(root / "model.safetensors", options.arch, timeout=600)
        words = ["train", "--config", options.config, "--data", data.root, "--dataset", "caltech101", "--model", model, "--set",
                 "training.check_images=0"]
        for setting in options.set:
            words += ["--set", setting]
        for turn in range(options.rounds):
            for number, ((program, layout), records) in enumerate(found.items()):
                records += timed(program, layout, options.steps, words, root / f"run{turn}-{number}")
    print(f"{options.arch}, {options.classes} classes, {options.rounds} rounds of {options.steps} steps")
    print("| processes x threads | s a step | smallest | ratio | waits | moves |\n| --- | --- | --- | --- | --- | --- |")
    first = statistics.median(record["seconds"] for record in next(iter(found.values())))
    for (program, (n, threads)), records in found.items():
        seconds = [record["seconds"] for record in records]
        waits, moves = (sum(record.get(key, 0) for record in records) / sum(seconds) for key in ("ranks_wait_s", "ranks_move_s"))
        name = f"{n}x{threads} {program}" if program == options.against else f"{n}x{threads}"
        print(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {statistics.median(seconds) / first:.2f} "
              f"| {100 * waits:.1f} % | {100 * moves:.2f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
