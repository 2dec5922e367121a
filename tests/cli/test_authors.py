#!/usr/bin/env python3
"""prompt import of the files that the methods' own authors' classes saved, against the logits that these classes computed.

The classes were run once, outside the repository (tests/parity/run_authors.py; src/import/README.md has their commits);
tests/golden/authors has what they trained. A file is made again around it, with the authors' own pickle.
"""

import json
import pathlib
import sys
import tempfile
import unittest

import authors_files
import harness
from harness import SmallData, numbers, read_safetensors, run

TOLERANCE = 1e-5  # of logits, relative to the largest
METHODS = {"coop_csc_fp32": "coop", "tip_adapter_f": "tip_adapter"}  # of records that are not named like their method

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data", names=authors_files.NAMES)
    shared["clip"] = authors_files.make_clip()
    shared["model"] = authors_files.write_clip(root / "clip.safetensors", shared["clip"])


class Authors(harness.Case):
    def check(self, name):
        record = authors_files.read_record(name)
        files = authors_files.write_files(name, self.tmp, shared["clip"])
        out, logits = self.tmp / "run", self.tmp / "logits.safetensors"
        self.check_ok(run("import", *files, "--method", METHODS.get(name, name), "--template", "a photo of a {}.", "--data",
                          shared["data"].root, "--dataset", "caltech101", "--model", shared["model"], "--out", out,
                          "--threads", 1, "--set", "data.classes=base", *record["options"]))
        self.check_ok(run("eval", "--run", out, "--classes", "base", "--save-logits", logits))
        tensors, metadata = read_safetensors(logits)
        n_pictures, n_rows, n_classes = tensors["logits"][1]
        ours = numbers(tensors["logits"])
        theirs = [record["logits"][path] for path in json.loads(metadata["paths"])]
        largest = max(abs(x) for row in theirs for x in row)

        def difference(n):
            start = n * n_classes
            return max(abs(x - ours[i * n_rows * n_classes + start + k]) for i, row in enumerate(theirs)
                       for k, x in enumerate(row)) / largest

        self.assertEqual((n_pictures, n_classes), (20, 5))
        self.assertLess(difference(1), TOLERANCE)
        self.assertGreater(difference(0), 1000 * TOLERANCE, "prompts without an effect prove nothing")


for path in sorted(authors_files.RECORDS.glob("*.zip")):
    setattr(Authors, f"test_{path.stem}", lambda self, name=path.stem: self.check(name))


if __name__ == "__main__":
    harness.main()
