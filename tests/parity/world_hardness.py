#!/usr/bin/env python3
"""How far a linear classifier on pixels gets on a drawn world, against chance. usage: WORLD [NAME...]

Not a test of the suite: a number to know when the world is changed. Needs numpy and Pillow, and PROMPT_BIN. Ridge
regression from standardized pixels to classes, the penalty chosen on val; train and test as `prompt data split` has
them (16 shots); the data sets without training images are left out.
"""

import json
import os
import subprocess
import sys

import numpy
from PIL import Image

SETS = ("imagenet caltech101 oxford_pets stanford_cars oxford_flowers food101 fgvc_aircraft sun397 dtd eurosat "
        "ucf101").split()


def command(*words):
    return json.loads(subprocess.run([os.environ["PROMPT_BIN"], "data", *words, "--json"], check=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def load(folder, items):
    pixels = numpy.stack([numpy.asarray(Image.open(os.path.join(folder, item[0])).convert("RGB")) for item in items])
    return pixels.reshape(len(items), -1).astype(numpy.float32) / 255, numpy.array([item[1] for item in items])


def ridge(train, labels, others, penalty):
    """Scores of each list in others; solved in the space of the training images."""
    targets = numpy.eye(labels.max() + 1)[labels]
    gram = train @ train.T
    weights = numpy.linalg.solve(gram + penalty * numpy.trace(gram) / len(gram) * numpy.eye(len(gram)), targets)
    return [other @ train.T @ weights for other in others]


def accuracy(world, name):
    folder = command("check", "--data", world, "--dataset", name)[0]["image_dir"]
    parts = {part: load(folder, lists["all"]) for part, lists in
             command("split", "--data", world, "--dataset", name, "--shots", "16").items() if lists["all"]}
    mean, deviation = parts["train"][0].mean(0), parts["train"][0].std(0) + 1e-3
    x = {part: (pixels - mean) / deviation for part, (pixels, _) in parts.items()}
    best = (-1.0, 0.0)
    for penalty in (0.001, 0.01, 0.1, 1.0, 10.0):
        chosen = x.get("val", x["test"])  # ImageNet has no val: the best on test flatters it
        val, test = ridge(x["train"], parts["train"][1], (chosen, x["test"]), penalty)
        correct = (val.argmax(1) == parts.get("val", parts["test"])[1]).mean()
        best = max(best, (correct, (test.argmax(1) == parts["test"][1]).mean()))
    return best[1], 1 / (parts["train"][1].max() + 1)


def main():
    world, *names = sys.argv[1:]
    for name in names or SETS:
        found, chance = accuracy(world, name)
        print(f"{name:16} {100 * found:5.1f} %  chance {100 * chance:4.1f} %  {found / chance:4.1f} times", flush=True)


if __name__ == "__main__":
    main()
