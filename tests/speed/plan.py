#!/usr/bin/env python3
"""How Table 1 and an ImageNet training scale: from seconds of a step that were measured, not measured itself.

usage: tests/speed/plan.py [--devices 1,8,64,512] [--train 50:0.071,100:0.069,500:0.114] [--eval 50:0.015,100:0.014,500:0.023]
           [--coop X,Y] [--cocoop X,Y] [--start S]

--train and --eval are ProMPT's seconds of a training step and of an evaluated batch, both of four images, at numbers of classes K;
between them a line. --coop and --cocoop are the ratios to them of CoOp's step of 32 images and CoCoOp's of one, and of their
evaluated batches; --start is what a process needs before its first step. The longest run that is left goes to the first device that
is free; a grid takes runs in the order of its table, where ImageNet comes first.
"""

import argparse
import heapq
import math

SETS = {  # classes, test images, as published
    "imagenet": (1000, 50000), "caltech101": (100, 2465), "oxford_pets": (37, 3669), "stanford_cars": (196, 8041),
    "oxford_flowers": (102, 2463), "food101": (101, 30300), "fgvc_aircraft": (100, 3333), "sun397": (397, 19850),
    "dtd": (47, 1692), "eurosat": (10, 8100), "ucf101": (101, 3783)}
SHOTS, SEEDS, EVALUATED = 16, 3, 4
EPOCHS = {"prompt": 5, "coop": 200, "cocoop": 10}  # of the presets in configs/base2new, as are the batches
BATCHES = {"prompt": 4, "coop": 32, "cocoop": 1}


def points(text):
    return sorted((float(K), float(seconds)) for K, seconds in (word.split(":") for word in text.split(",")))


def pair(text):
    first, second = text.split(",")
    return float(first), float(second)


def at(line, K):
    """The value at K of a line through points; beyond the ends that of the nearest two."""
    pairs = list(zip(line, line[1:]))
    (x0, y0), (x1, y1) = next((pair for pair in pairs if K <= pair[1][0]), pairs[-1])
    return y0 + (y1 - y0) * (K - x0) / (x1 - x0)


def run_seconds(method, dataset, o):
    """Training on base classes, and evaluation of both halves, whose text costs what K / 2 classes cost."""
    K, n_test = SETS[dataset]
    base = math.ceil(K / 2)
    train, evaluation = {"prompt": (1.0, 1.0), "coop": o.coop, "cocoop": o.cocoop}[method]
    n_steps = EPOCHS[method] * SHOTS * base / BATCHES[method]
    return 2 * o.start + n_steps * at(o.train, base) * train + n_test / EVALUATED * at(o.eval, base) * evaluation


def makespan(seconds, n):
    free = [0.0] * n
    for run in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + run)
    return max(free)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", default="1,8,64,512")
    parser.add_argument("--train", type=points, default=points("50:0.071,100:0.069,500:0.114"))
    parser.add_argument("--eval", type=points, default=points("50:0.015,100:0.014,500:0.023"))
    parser.add_argument("--coop", type=pair, default=(1.0, 1.0))
    parser.add_argument("--cocoop", type=pair, default=(1.0, 1.0))
    parser.add_argument("--start", type=float, default=5.0)
    options = parser.parse_args()
    runs = {(method, dataset, seed): run_seconds(method, dataset, options)
            for method in EPOCHS for dataset in SETS for seed in range(SEEDS)}
    longest = max(runs, key=runs.get)
    print(f"{len(runs)} runs, {sum(runs.values()) / 3600:.1f} hours of one device; the longest is {longest[0]} on {longest[1]}, "
          f"{runs[longest] / 60:.0f} minutes")
    print("| devices | hours | devices busy |\n| --- | --- | --- |")
    for n in (int(word) for word in options.devices.split(",")):
        hours = makespan(runs.values(), n) / 3600
        print(f"| {n} | {hours:.2f} | {100 * sum(runs.values()) / 3600 / hours / n:.0f} % |")


if __name__ == "__main__":
    main()
