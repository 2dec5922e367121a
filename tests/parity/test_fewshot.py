"""Few-shot lists of `prompt data split` against Python's own random, drawn here as CoOp and Dassl state it.

Needs PROMPT_BIN (the program). The split is Caltech-101's, or, without PROMPT_TEST_DATA, one whose classes have 1 to 40
images. Prints how many lists and items were compared; none is a failure.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest

import real_data

counts = {"arrays": 0, "numbers": 0}


def few_shot(items, k):
    """k items of every class, classes by first appearance; a smaller class whole."""
    groups = {}
    for item in items:
        groups.setdefault(item[1], []).append(item)
    sample = []
    for group in groups.values():
        sample += random.sample(group, k) if len(group) >= k else group
    return sample


def subset(items, labels):
    relabelled = {label: i for i, label in enumerate(labels)}
    return [[path, relabelled[label], name] for path, label, name in items if label in relabelled]


def expected(split, shots, seed):
    random.seed(seed)
    lists = {"train": few_shot(split["train"], shots), "val": few_shot(split["val"], min(shots, 4)),
             "test": split["test"]}
    labels = sorted({item[1] for items in split.values() for item in items})
    half = math.ceil(len(labels) / 2)
    return {part: {"all": subset(items, labels), "base": subset(items, labels[:half]),
                   "new": subset(items, labels[half:])} for part, items in lists.items()}


def made_split(n_classes=37):
    """Classes of 1 to 40 images, in no order; the lists of the program do not look for the files."""
    rng = random.Random(9)
    split = {"train": [], "val": [], "test": []}
    for part, items in split.items():
        for label in rng.sample(range(n_classes), n_classes):
            items += [[f"{label}/{part}_{i}.jpg", label, f"class {label}"] for i in range(rng.randint(1, 40))]
        rng.shuffle(items)
    return split


def data_with_split(folder):
    """A data root and Caltech-101's split in it; without real data a made one in `folder`."""
    _, split = real_data.caltech()
    if split:
        return real_data.root(), split
    split = made_split()
    path = os.path.join(folder, real_data.CALTECH_SPLIT)
    os.makedirs(os.path.join(folder, real_data.CALTECH_IMAGES))
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(split, stream)
    return folder, split


class FewShotTest(unittest.TestCase):
    def test_lists_are_pythons(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        data, split = data_with_split(folder.name)
        for shots in (1, 2, 4, 8, 16):
            for seed in range(6):
                command = [os.environ["PROMPT_BIN"], "data", "split", "--data", data, "--dataset", "caltech101",
                           "--shots", str(shots), "--seed", str(seed), "--json"]
                ours = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                theirs = expected(split, shots, seed)
                self.assertEqual(set(ours), {"train", "val", "test"})
                for part, lists in theirs.items():
                    self.assertEqual(set(ours[part]), {"all", "base", "new"})
                    for classes, items in lists.items():
                        self.assertEqual(ours[part][classes], items, f"{part}/{classes}, {shots} shots, seed {seed}")
                        counts["arrays"] += 1
                        counts["numbers"] += len(items)


if __name__ == "__main__":
    if "PROMPT_BIN" not in os.environ:
        real_data.skip_or_fail("PROMPT_BIN (the program) is not set")
    result = unittest.main(exit=False, verbosity=2).result
    print(f"compared {counts['arrays']} lists, {counts['numbers']} items")
    if not result.wasSuccessful() or counts["numbers"] == 0:
        sys.exit(1)
