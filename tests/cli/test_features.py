#!/usr/bin/env python3
"""prompt features: products of its rows are the logits that prompt eval saves, and its files say what their rows are."""

import ast
import csv
import json
import pathlib
import struct
import sys
import tempfile
import unittest

import harness
from harness import numbers, read_safetensors, run

MINI = harness.CONFIGS / "mini"
MODEL = MINI / "mini.safetensors"
RUNS = ("prompt", "coop", "vpt")

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = root = pathlib.Path(folder.name)
    trainings = [("train", "--config", MINI / f"{name}.json", "--data", root / "world", "--dataset", "eurosat", "--model", MODEL,
                  "--set", "training.epochs=2", "--set", "data.shots=1", "--threads", 1, "--quiet", "--out", root / name)
                 for name in RUNS]
    for words in (("data", "synth", root / "world", "--layouts", "eurosat"), *trainings):
        result = run(*words)
        if result.status != 0:
            sys.exit(f"{words[0]} failed: {result}")


def features(*args):
    return run("features", "--threads", 1, "--quiet", *args)


def read_npy(path):
    """The rows, as numpy reads them."""
    data = path.read_bytes()
    n_header = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10 : 10 + n_header].decode())
    assert data[:8] == b"\x93NUMPY\x01\x00" and (10 + n_header) % 64 == 0 and data[9 + n_header : 10 + n_header] == b"\n"
    assert header["descr"] == "<f4" and not header["fortran_order"]
    n, width = header["shape"]
    values = struct.unpack(f"<{n * width}f", data[10 + n_header :])
    return [values[i * width : (i + 1) * width] for i in range(n)]


def read_rows(path):
    with open(path.with_suffix(".csv"), encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def product(x, z):
    return sum(a * b for a, b in zip(x, z))


def zero_shot(data="world"):
    return ("--model", MODEL, "--data", shared["root"] / data, "--dataset", "eurosat", "--template", "dataset")


class Products(harness.Case):
    """exp(s) x^n z of features at n and of a classifier are eval's logits at n."""

    def check_products(self, source, evaluated, n, n_logits):
        x, w, logits = (self.tmp / name for name in (f"x{n}.safetensors", "w.safetensors", "logits.safetensors"))
        self.check_ok(features(*source, "--n", n, "--classes", "base", "--normalize", "--out", x))
        self.check_ok(features(*source, "--of", "classifier", "--classes", "base", "--out", w))
        self.check_ok(run("eval", *evaluated, "--classes", "base", "--threads", 1, "--quiet", "--save-logits", logits))
        (images, about), (rows, classifier) = read_safetensors(x), read_safetensors(w)
        saved, paths = read_safetensors(logits)
        n_images, width = images["features"][1]
        n_classes = rows["features"][1][0]
        self.assertEqual(json.loads(about["rows"]), json.loads(paths["paths"]))
        self.assertEqual(numbers(images["labels"]), numbers(saved["labels"]))
        self.assertEqual(json.loads(about["classes"]), json.loads(classifier["classes"]))
        values, z, scale = numbers(images["features"]), numbers(rows["features"]), float(about["logit_scale"])
        want = numbers(saved["logits"])
        n_rounds = saved["logits"][1][1]
        for i in range(n_images):
            for k in range(n_classes):
                logit = scale * product(values[i * width : (i + 1) * width], z[k * width : (k + 1) * width])
                self.assertAlmostEqual(logit, want[(i * n_rounds + n_logits) * n_classes + k], delta=1e-3)
        return values

    def test_clip(self):
        self.check_products(zero_shot(), ("--config", harness.CONFIGS / "zeroshot.json", *zero_shot()[:-2]), 0, 0)

    def test_coop_learns_the_classifier(self):
        run_words = ("--run", shared["root"] / "coop")
        self.check_products(run_words, run_words, 1, 1)

    def test_vpt_learns_the_image_side(self):
        run_words = ("--run", shared["root"] / "vpt")
        learned = self.check_products(run_words, run_words, 1, 1)
        own = self.check_products(run_words, run_words, 0, 0)
        self.assertNotEqual(learned, own)

    def test_prompt_moves_the_image_features_and_has_no_classifier(self):
        source, seen = ("--run", shared["root"] / "prompt"), []
        for n in (0, 1, 2):
            self.check_ok(features(*source, "--n", n, "--classes", "base", "--out", self.tmp / "x.npy"))
            seen.append(read_npy(self.tmp / "x.npy"))
        self.check_ok(features(*source, "--classes", "base", "--out", self.tmp / "x.npy"))
        self.assertEqual(read_npy(self.tmp / "x.npy"), seen[2])  # the last by default
        self.assertEqual(len({str(rows) for rows in seen}), 3)
        self.check_error(features(*source, "--of", "classifier", "--out", self.tmp / "w.npy"), 2,
                         "method 'prompt' has no classifier: its text depends on each image")


class Files(harness.Case):
    def test_rows_are_named(self):
        images = sorted((shared["root"] / "world/eurosat/2750/ForestRiver").iterdir())[:3]
        bad = self.tmp / "bad, indeed.jpg"
        bad.write_bytes(b"no picture")
        result = features("--model", MODEL, "--out", self.tmp / "x.npy", images[1], bad, images[0])
        self.assertEqual(result.status, 1)
        self.assertEqual(result.errors[-1], "prompt: 1 images could not be read; the others have rows")
        self.assertEqual(read_rows(self.tmp / "x.npy"), [{"row": "0", "path": str(images[1])}, {"row": "1", "path": str(images[0])}])
        self.assertEqual(len(read_npy(self.tmp / "x.npy")), 2)
        self.check_ok(features(*zero_shot(), "--split", "train", "--out", self.tmp / "t.npy"))
        rows = read_rows(self.tmp / "t.npy")
        self.assertEqual(list(rows[0]), ["row", "path", "label", "class"])
        self.assertEqual(len(rows), len(read_npy(self.tmp / "t.npy")))
        self.assertEqual(len({row["class"] for row in rows}), 12)

    def test_captions_are_taken_as_they_are(self):
        captions, out = self.tmp / "captions.txt", self.tmp / "c.npy"
        captions.write_text("rock lake\n\nforest river\n")
        self.check_ok(features("--model", MODEL, "--of", "captions", "--out", out, captions))
        self.assertEqual([row["caption"] for row in read_rows(out)], ["rock lake", "forest river"])
        self.check_ok(features("--model", MODEL, "--of", "classes", "--class-names", "rock_lake,forest_river", "--template", "{}",
                               "--out", self.tmp / "k.npy"))
        self.assertEqual(read_npy(self.tmp / "k.npy"), read_npy(out))
        captions.write_text("forest_river\n")  # a class name's underscores are spaces; a caption's are not
        self.check_error(features("--model", MODEL, "--of", "captions", "--out", out, captions), 1,
                         "caption 'forest_river': unknown word '_': the model's own vocabulary has 340 words")

    def test_bad_words(self):
        model, out = ("--model", MODEL), self.tmp / "x.npy"
        (self.tmp / "empty.txt").write_text("\n")
        for words, status, message in (
            ((*model,), 2, "no file for the features: give --out FILE"),
            ((*model, "--out", self.tmp / "x.pt", self.tmp), 2, r"--out '.*x\.pt': expected a name that ends with .npy or .safetensors"),
            ((*model, "--out", out), 2, r"no images: give IMAGE\.\.\., or --data and --dataset"),
            ((*model, "--out", out, "--n", 1, MODEL), 2, "--n 1: the method has iterations 0 to 0"),
            ((*model, "--out", out, "--of", "classes", "--class-names", "a", MODEL), 2,
             "unexpected word '.*': --of classes takes no images"),
            ((*model, "--out", out, "--of", "captions"), 2, "--of captions takes one file of captions"),
            ((*model, "--out", out, "--of", "captions", self.tmp / "empty.txt"), 1, r"'.*empty\.txt' has no captions"),
            ((*model, "--out", out, "--of", "images,classes", MODEL), 2, "--of takes one name"),
            ((*model, "--out", out, MODEL), 1, "none of the images can be read"),
            ((*model, "--out", self.tmp / "no/x.npy", MODEL), 1, ".*no.*")):
            with self.subTest(words=words):
                result = features(*words)
                self.assertEqual(result.status, status, result.err)
                self.assertRegex(result.errors[-1], message)
                self.assertEqual(list(self.tmp.glob("x.*")), [])


if __name__ == "__main__":
    harness.main()
