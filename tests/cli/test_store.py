#!/usr/bin/env python3
"""The store of features: with it, without it, and whatever is wrong with it, the results are the same to the byte."""

import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import run

MINI = harness.CONFIGS / "mini"
MODEL = MINI / "mini.safetensors"
TRAINED = ("coop", "cocoop", "vpt", "prompt")
METHODS = ("clip", *TRAINED)
N_IMAGES = 40
DAMAGED = r"warning: 1 image is damaged but could be read; the first: .*"

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = root = pathlib.Path(folder.name)
    draw = run("data", "synth", root / "world", "--layouts", "eurosat")
    shared["images"] = root / "world/eurosat/2750"
    split = json.loads((root / "world/eurosat/split_zhou_EuroSAT.json").read_text(encoding="utf-8"))
    shared["picture"] = shared["images"] / split["test"][0][0]
    shared["other"] = shared["images"] / split["test"][1][0]
    shared["picture"].write_bytes(harness.picture(0, 0)[:-12])  # a PNG file without its end, which can be read
    last_change = time.time()
    for result in (draw, *(run(*train_words(name, root / name)) for name in TRAINED)):
        if result.status != 0:
            sys.exit(f"the set-up failed: {result}")
    settle(last_change)


def settle(last_change):
    """Waits until pictures count as unchanging."""
    time.sleep(max(0.0, last_change + 3.1 - time.time()))


def common_words():
    return ("--data", shared["root"] / "world", "--threads", 1)


def train_words(name, out, *more):
    return ("train", "--config", MINI / f"{name}.json", "--dataset", "eurosat", "--model", MODEL, "--set", "data.shots=1",
            "--set", "training.epochs=2", "--quiet", *common_words(), "--out", out, *(more or ("--set", "store.dir=off")))


def eval_words(method, store, *more):
    subject = (("--config", MINI / "clip.json", "--dataset", "eurosat", "--model", MODEL) if method == "clip"
               else ("--run", shared["root"] / method))
    return ("eval", *subject, *common_words(), "--classes", "base", "--limit", N_IMAGES, "--set", f"store.dir={store}", *more)


def notes(result):
    return [line for line in result.err.splitlines() if line.startswith("note: features")]


class Store(harness.Case):
    def setUp(self):
        super().setUp()
        self.store = self.tmp / "store"

    def evaluate(self, method, store, *more, **options):
        """Records without times and the store's keys, the bytes of the logits, and the warnings."""
        logits, records = self.tmp / "logits.safetensors", self.tmp / "records.json"
        result = self.check_ok(run(*eval_words(method, store, "--save-logits", logits, "--json", records, *more), **options))
        return self.outcome(records, logits, result.err), result

    def outcome(self, records, logits, err):
        record = json.loads(records.read_text(encoding="utf-8"))["records"][0]
        for name in ("seconds", "images_per_s", "time"):
            del record[name]
        del record["config"]["store"]
        return record, logits.read_bytes(), [line for line in err.splitlines() if line.startswith("warning:")]

    def entries(self):
        """The entries of features, without those of digests."""
        files = sorted(self.store.glob("*.safetensors"))
        return [path for path in files if "features" in harness.read_safetensors(path)[0]]

    def images_entries(self):
        return [path for path in self.entries() if harness.read_safetensors(path)[0]["features"][1][0] == N_IMAGES]

    def images_entry(self):
        [path] = self.images_entries()
        return path

    def test_results_are_the_same_without_with_and_after(self):
        for method in METHODS:
            with self.subTest(method=method):
                without, _ = self.evaluate(method, "off")
                self.assertEqual(self.evaluate(method, self.tmp / method)[0], without)
                self.assertEqual(self.evaluate(method, self.tmp / method)[0], without)
                self.assertEqual(len(list((self.tmp / method).glob("*.safetensors"))), 4)  # x, Z, model, program
                self.assertRegex("\n".join(without[2]), DAMAGED)

    def test_methods_share_the_features_of_pictures(self):
        self.evaluate("clip", self.store)
        entry = self.images_entry()
        for method in TRAINED:
            os.utime(entry, (1, 1))
            self.evaluate(method, self.store)
            self.assertEqual(self.images_entries(), [entry])
            self.assertGreater(entry.stat().st_mtime, 1, "an entry is marked when it is used")

    def test_what_the_features_depend_on_is_in_the_key(self):
        self.evaluate("clip", self.store)
        for more in (("--set", "encoder=plain"), ("--set", "evaluation.batch_size=7"), ("--set", "model.image_mean=0.4"),
                     ("--set", "model.norm_eps=1e-4")):
            before = len(self.entries())
            changed = self.evaluate("clip", self.store, *more)[0]
            self.assertGreater(len(self.entries()), before, more)
            self.assertEqual(changed, self.evaluate("clip", "off", *more)[0], more)

    def test_a_changed_picture_is_read_again(self):
        path, info, content = shared["picture"], shared["picture"].stat(), shared["picture"].read_bytes()
        self.addCleanup(lambda: settle(path.write_bytes(content) and time.time()))
        before, _ = self.evaluate("clip", self.store)
        path.write_bytes(shared["other"].read_bytes())
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
        after, _ = self.evaluate("clip", self.store)
        self.assertNotEqual(after, before)
        self.assertEqual(after, self.evaluate("clip", "off")[0])

    def test_damaged_and_exchanged_entries(self):
        without, result = self.evaluate("clip", self.store)
        self.assertEqual(notes(result), [])
        path = self.images_entry()
        content = path.read_bytes()
        for bad in (content[:-1], b"", content[:100], content[:-4] + b"\0\0\0\1"):
            path.write_bytes(bad)
            again, result = self.evaluate("clip", self.store)
            self.assertEqual(again, without)
            self.assertRegex("\n".join(notes(result)), r"\Anote: features are computed again, for an entry of the store is damaged: .*\Z")
            self.assertEqual(path.read_bytes(), content)
        one, two = self.entries()
        contents = one.read_bytes(), two.read_bytes()
        one.write_bytes(contents[1])
        two.write_bytes(contents[0])
        again, result = self.evaluate("clip", self.store)
        self.assertEqual(again, without)
        self.assertEqual(len(notes(result)), 2)
        self.assertRegex(notes(result)[0], "it is the entry of another key")
        self.assertEqual((one.read_bytes(), two.read_bytes()), contents)

    def test_eight_processes_at_once(self):
        without, _ = self.evaluate("coop", "off")
        files = [(self.tmp / f"{i}.json", self.tmp / f"{i}.safetensors") for i in range(8)]
        started = [subprocess.Popen(harness.words(*eval_words("coop", self.store, "--json", json_file, "--save-logits", logits)),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for json_file, logits in files]
        for process, (json_file, logits) in zip(started, files):
            err = process.communicate()[1].decode()
            self.assertEqual(process.returncode, 0, err)
            self.assertEqual(self.outcome(json_file, logits, err), without)
        self.assertEqual(harness.leftovers(self.store), [])

    def test_full_disk_is_one_note(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        result = self.check_ok(run(*eval_words("clip", self.store), preexec_fn=limit))
        self.assertEqual(len(notes(result)), 1, str(result))
        self.assertRegex(notes(result)[0], r"note: features are not kept: cannot write '/.*\.safetensors': File too large")
        self.assertEqual(harness.leftovers(self.store), [])
        self.assertEqual(result.out, run(*eval_words("clip", "off")).out)

    def test_folder_that_cannot_be_made_is_one_note(self):
        (self.tmp / "file").write_text("", encoding="utf-8")
        result = self.check_ok(run(*eval_words("clip", self.tmp / "file/store")))
        self.assertEqual(len(notes(result)), 1, str(result))
        self.assertRegex(notes(result)[0], r"note: features are not kept: cannot create folder '/.*/file': Not a directory")

    def test_where_it_is_and_who_leaves_it_alone(self):
        cache = {"XDG_CACHE_HOME": str(self.tmp / "cache")}
        self.check_ok(run(*eval_words("clip", "off"), env=cache))
        self.check_ok(run(*train_words("coop", self.tmp / "run", "--set", "store.dir=auto", "--dry-run"), env=cache))
        self.assertFalse((self.tmp / "cache").exists())
        self.check_ok(run(*eval_words("clip", "auto"), env=cache))
        self.assertEqual(len(list((self.tmp / "cache/prompt").iterdir())), 4)
        self.check_ok(run(*eval_words("clip", "auto"), env={"XDG_CACHE_HOME": "", "HOME": str(self.tmp / "home")}))
        self.assertEqual(len(list((self.tmp / "home/.cache/prompt").iterdir())), 4)
        self.check_ok(run(*eval_words("clip", "auto"), env={"XDG_CACHE_HOME": "", "HOME": ""}))

    def test_training_is_the_same_and_checks_by_the_store(self):
        for name in ("a", "b"):
            self.check_ok(run(*train_words("coop", self.tmp / name, "--set", f"store.dir={self.store}")))
        expected = (shared["root"] / "coop/checkpoint.safetensors").read_bytes()
        for name in ("a", "b"):
            self.assertEqual((self.tmp / name / "checkpoint.safetensors").read_bytes(), expected)
        self.assertEqual(len(self.entries()), 2)

    def test_predictions_share_the_features_of_names(self):
        words = ("predict", "--model", MODEL, "--class-names", "forest river,rock lake", "--format", "jsonl", "--threads", 1,
                 shared["other"])
        results = [self.check_ok(run(*words, "--set", f"store.dir={store}")).out for store in ("off", self.store, self.store)]
        self.assertEqual(results, results[:1] * 3)
        self.assertEqual(len(self.entries()), 1)

    def test_features_are_those_of_the_evaluation(self):
        def extract(store, *more):
            path = self.tmp / "features.npy"
            self.check_ok(run("features", "--model", MODEL, *common_words(), "--dataset", "eurosat", "--classes", "base",
                              "--set", f"store.dir={store}", "--out", path, "--quiet", *more))
            return path.read_bytes()

        for more in ((), ("--normalize",)):
            expected = extract("off", *more)
            self.assertEqual([extract(self.store, *more) for _ in range(2)], [expected] * 2)
        before = self.entries()
        self.check_ok(run("eval", "--config", MINI / "clip.json", "--dataset", "eurosat", "--model", MODEL, *common_words(),
                          "--classes", "base", "--set", f"store.dir={self.store}"))
        self.assertEqual(len(self.entries()), len(before) + 1)  # that of the captions


if __name__ == "__main__":
    harness.main()
