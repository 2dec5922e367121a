"""Few-shot lists of `prompt data split` against Python's own random, drawn here as CoOp and Dassl state it.

Needs PROMPT_BIN (the program) and PROMPT_TEST_DATA (data root with caltech-101). Prints how many lists and items were
compared; none is a failure.
"""
import json
import math
import os
import random
import subprocess
import sys
import unittest

counts = {"arrays": 0, "numbers": 0}


def skip_or_fail(why):
    if os.environ.get("PROMPT_REQUIRE_PARITY") == "1":
        sys.exit(f"PROMPT_REQUIRE_PARITY=1, but {why}")
    print(f"skipped: {why}")
    sys.exit(77)


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


class FewShotTest(unittest.TestCase):
    def test_lists_are_pythons(self):
        data = os.environ["PROMPT_TEST_DATA"]
        with open(os.path.join(data, "caltech-101", "split_zhou_Caltech101.json")) as f:
            split = json.load(f)
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
        skip_or_fail("PROMPT_BIN (the program) is not set")
    if "PROMPT_TEST_DATA" not in os.environ:
        skip_or_fail("PROMPT_TEST_DATA (folder with caltech-101) is not set")
    result = unittest.main(exit=False, verbosity=2).result
    print(f"compared {counts['arrays']} lists, {counts['numbers']} items")
    if not result.wasSuccessful() or counts["numbers"] == 0:
        sys.exit(1)
