#!/usr/bin/env python3
"""CLIP_benchmark's own `build` makes its table of the files that `prompt results --format clip-benchmark` writes."""

import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPT = os.environ["PROMPT"]


def run(*words):
    return subprocess.run([PROMPT, *map(str, words)], check=True, capture_output=True, text=True).stdout


def clip_benchmark():
    """Its command line. What only its evaluations need (data sets, models, metrics) is left out."""
    parts = {f"clip_benchmark.{name}": mock.MagicMock() for name in ("datasets.builder", "metrics", "model_collection")}
    parts["clip_benchmark.models"] = types.SimpleNamespace(MODEL_TYPES=["open_clip"], load_clip=None)
    with mock.patch.dict(sys.modules, parts):
        from clip_benchmark import cli
    return cli


class Table(unittest.TestCase):
    def test_it_has_a_row_for_each_record(self):
        with tempfile.TemporaryDirectory() as folder:
            tmp = pathlib.Path(folder)
            run("data", "synth", tmp / "world", "--layouts", "eurosat", "--per-class", 2)
            run("eval", "--config", ROOT / "configs" / "zeroshot.json", "--data", tmp / "world", "--dataset", "eurosat", "--model",
                ROOT / "configs" / "mini" / "mini.safetensors", "--threads", 1, "--classes", "base,all", "--per-class", "--out",
                tmp / "run")
            run("results", tmp / "run", "--format", "clip-benchmark", "--out", tmp / "files")
            with mock.patch.object(sys, "argv", ["clip_benchmark", "build", str(tmp / "files"), "--output", str(tmp / "table.csv")]):
                clip_benchmark().main()
            with open(tmp / "table.csv", encoding="utf-8", newline="") as stream:
                rows = {row["classes"]: row for row in csv.DictReader(stream)}
        self.assertEqual(sorted(rows), ["all", "base"])
        for row in rows.values():
            self.assertEqual((row["dataset"], row["task"], row["language"], row["model"]),
                             ("eurosat", "zeroshot_classification", "en", "mini"))
            self.assertEqual(row["model_fullname"], f"mini {row['pretrained']}")
            # every class has as many pictures
            self.assertAlmostEqual(float(row["acc1"]), float(row["mean_per_class_recall"]), delta=1e-9)


if __name__ == "__main__":
    unittest.main(verbosity=2)
