#!/usr/bin/env python3
"""prompt data synth: what lies on the disk, that it is the same twice, whole or not there, and readable."""

import hashlib
import json
import os
import pathlib
import resource
import tempfile
import unittest

import harness
from harness import run

SMALL = ("--px", "16", "--per-class", "1")
SETS = {  # classes, templates aside
    "imagenet": 30, "caltech101": 20, "oxford_pets": 12, "stanford_cars": 16, "oxford_flowers": 16, "food101": 16,
    "fgvc_aircraft": 12, "sun397": 16, "dtd": 20, "eurosat": 12, "ucf101": 12, "imagenetv2": 30, "imagenet_sketch": 30,
    "imagenet_a": 18, "imagenet_r": 18,
}
VARIANTS = ("imagenetv2", "imagenet_sketch", "imagenet_a", "imagenet_r")

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["world"] = pathlib.Path(folder.name) / "world"
    result = run("data", "synth", shared["world"], "--seed", "7", *SMALL)
    if result.status != 0 or result.err or result.out:
        raise SystemExit(f"the world was not drawn: {result}")


def checksum(root):
    """Of names and bytes of every file."""
    sha = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        sha.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


class Synth(harness.Case):
    def test_the_same_seed_gives_the_same_files_and_another_one_others(self):
        again, other = self.tmp / "again", self.tmp / "other"
        self.check_ok(run("data", "synth", again, "--seed", "7", *SMALL))
        self.check_ok(run("data", "synth", other, "--seed", "8", *SMALL))
        self.assertEqual(checksum(again), checksum(shared["world"]))
        self.assertNotEqual(checksum(other), checksum(again))

    def test_every_layout_is_read(self):
        result = self.check_ok(run("data", "check", "--data", shared["world"], "--deep", "--quiet", "--json"))
        checked = {record["name"]: record for record in json.loads(result.out)}
        self.assertEqual(list(checked), list(SETS))
        for name, n_classes in SETS.items():
            record = checked[name]
            self.assertEqual(record["state"], "complete", record)
            self.assertIn("synthetic world, version 3, test, seed 7, 16 px, 1 a class", record["layout"])
            n_train = 0 if name in VARIANTS else n_classes
            n_val = 0 if name in VARIANTS or name == "imagenet" else n_classes
            self.assertEqual([record[key] for key in ("n_classes", "train", "val", "test")], [n_classes, n_train, n_val, n_classes])

    def test_the_split_has_the_classes_in_order(self):
        for name, folder, wanted in (("sun397", "b/beach/sunny/", "sunny beach"), ("fgvc_aircraft", "", "Jet-1")):
            result = self.check_ok(run("data", "split", "--data", shared["world"], "--dataset", name, "--shots", "1", "--json"))
            path, label, class_name = json.loads(result.out)["test"]["all"][0]
            self.assertEqual((path[:len(folder)], label, class_name), (folder, 0, wanted))

    def test_plain_folders(self):
        root = self.tmp / "plain"
        self.check_ok(run("data", "synth", root, "--folder", *SMALL))
        for part in ("train", "val", "test"):
            self.assertEqual(len(list((root / part).iterdir())), 20)
            self.assertTrue((root / part / "red star").is_dir())
        self.check_ok(run("data", "split", "--data", root, "--dataset", "folder", "--shots", "1"))

    def test_some_layouts_of_the_development_world(self):
        root = self.tmp / "dev"
        self.check_ok(run("data", "synth", root, "--world", "dev", "--layouts", "dtd,eurosat", *SMALL))
        self.assertEqual(sorted(p.name for p in root.iterdir()), ["SYNTHETIC", "dtd", "eurosat"])
        ours = {p.name for p in (root / "dtd" / "images").iterdir()}
        self.assertFalse(ours & {p.name for p in (shared["world"] / "dtd" / "images").iterdir()})

    def test_a_contact_sheet(self):
        sheet = self.tmp / "sheet.png"
        self.check_ok(run("data", "synth", sheet, "--sheet", "--layouts", "dtd", "--px", "16"))
        self.assertEqual(sheet.read_bytes()[16:24], bytes((0, 0, 24 * 16 // 256, 24 * 16 % 256, 0, 0, 0, 2 * 16)))
        sheet.write_text("a file of the user's")
        refused = run("data", "synth", sheet, "--sheet", "--layouts", "dtd", "--px", "16")
        self.assertEqual(refused.status, 2, refused)
        self.assertIn(f"'{sheet}' exists; --force replaces it", refused.err)
        self.assertEqual(sheet.read_text(), "a file of the user's")
        self.check_ok(run("data", "synth", sheet, "--sheet", "--layouts", "dtd", "--px", "16", "--force"))


class Place(harness.Case):
    def test_a_world_is_replaced_only_by_force_and_nothing_else_at_all(self):
        root = self.tmp / "world"
        words = ("data", "synth", root, "--layouts", "dtd", *SMALL)
        self.check_ok(run(*words))
        before = checksum(root)
        self.check_error(run(*words, "--seed", "3"), 2, r"'.*world' exists; --force replaces a world of an earlier run")
        self.assertEqual(checksum(root), before)
        self.check_ok(run(*words, "--seed", "3", "--force"))
        self.assertNotEqual(checksum(root), before)
        self.assertEqual(os.listdir(self.tmp), ["world"])
        (root / "SYNTHETIC").unlink()
        self.check_error(run(*words, "--force"), 2, r"'.*world' is not a world .* so it is not replaced")

    def test_nothing_is_left_when_a_file_cannot_be_written(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        root = self.tmp / "full"
        self.check_error(run("data", "synth", root, *SMALL, preexec_fn=limit), 1, r"cannot write '.*': File too large")
        self.assertEqual(os.listdir(self.tmp), [])

    def test_words_that_make_no_sense(self):
        root = self.tmp / "world"
        for words, pattern in ((("--layouts", "dtt"), r".*dtt.*"), (("--folder", "--layouts", "dtd"), r"--folder and --layouts .*"),
                               (("--px", "8"), r".*px.*16.*"), (("--layouts", "folder,dtd"), r"plain folders cannot be combined with other sets.*")):
            self.check_error(run("data", "synth", root, *words), 2, pattern)
        self.assertEqual(os.listdir(self.tmp), [])


if __name__ == "__main__":
    harness.main()
