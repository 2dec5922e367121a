#!/usr/bin/env python3
"""Linear probe, LP++ and Tip-Adapter, which are fitted to features: from words to results."""

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import CONFIGS, SmallData, read_safetensors, run, words

N, K, WIDTH = 15, 5, 64  # 3 shots of the 5 base classes; the tiny model's joint width
PRESETS = {  # trained tensors, numbers of the fit, augmented pictures
    "linear_probe": ({"weight": [K, WIDTH], "bias": [K]}, {"C", "gradient", "validation_accuracy"}, N),
    "lp_plus_plus": ({"weight": [K, WIDTH], "bias": [K], "alpha": [K]}, {"iteration", "validation_accuracy"}, N),
    "tip_adapter": ({"keys": [N, WIDTH], "values": [N, K], "beta": [], "alpha": []},
                    {"alpha", "beta", "validation_accuracy"}, 10 * N),
    "tip_adapter_f": ({"keys": [N, WIDTH], "values": [N, K], "beta": [], "alpha": []},
                      {"alpha", "beta", "validation_accuracy"}, 30 * N)}

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data", n_train=4, n_val=3, n_test=4)
    shared["model"] = harness.make_model(root / "tiny.safetensors")
    for name in PRESETS:
        result = train(name, root / name)
        if result.status != 0:
            sys.exit(f"{name} failed: {result}")
        shared[name] = root / name


def train_words(name, out, *more, data=None):
    return ("train", "--config", CONFIGS / f"base2new/{name}.json", "--data", (data or shared["data"]).root, "--dataset",
            "caltech101", "--model", shared["model"], "--threads", 1, "--shots", 3, "--set",
            f"store.dir={shared['root'] / 'store'}", "--out", out, *more)


def train(name, out, *more, data=None):
    return run(*train_words(name, out, *more, data=data))


def checkpoint(folder):
    return (folder / "checkpoint.safetensors").read_bytes()


class Fitted(harness.Case):
    def test_tensors_log_and_records_are_those_of_the_method(self):
        for name, (trained, numbers, n_images) in PRESETS.items():
            with self.subTest(method=name):
                tensors, metadata = read_safetensors(shared[name] / "checkpoint.safetensors")
                self.assertEqual({key: shape for key, (_, shape, _) in tensors.items()}, trained)
                self.assertEqual((metadata["step"], metadata["n_steps"], metadata["n_images"]), ("1", "1", str(N)))
                (step,) = [json.loads(line) for line in (shared[name] / "log.jsonl").read_text().splitlines()]
                self.assertEqual((step["step"], step["images"], set(step["fit"])), (1, n_images, numbers))
                result = self.check_ok(run("eval", "--run", shared[name], "--threads", 1, "--json", self.tmp / "r.json"))
                base, new = json.loads((self.tmp / "r.json").read_text())["records"]
                self.assertTrue(base["finished"] and new["finished"])
                self.assertNotIn("n_classes_by_clip", base)
                self.assertEqual(new["n_classes_by_clip"], K)
                clip, ours = new["accuracy_per_iteration"]
                self.assertEqual(clip, ours)
                rows = result.out.splitlines()
                self.assertNotIn("CLIP", rows[1])
                self.assertTrue(rows[2].endswith("  CLIP's logits"))

    def test_tables_say_which_classes_are_clips(self):
        self.check_ok(run("eval", "--run", shared["linear_probe"], "--threads", 1))
        table = self.check_ok(run("results", shared["linear_probe"], "--table", 1, "--methods", "Linear probe", "--datasets",
                                  "caltech101", "--seeds", 1, "--set", "data.shots=3")).out
        self.assertIn("\n- Linear probe, new classes: CLIP's logits, where the method was not trained on them\n", table)
        self.assertNotIn("base classes: CLIP's", table)
        result = self.check_ok(run("report", shared["linear_probe"], "--out", self.tmp / "page.html"))
        self.assertRegex(result.err, r"'.*/linear_probe' on caltech101, new classes: CLIP's logits, where the method was not ")
        self.assertNotIn("base classes: CLIP's", result.err)

    def test_a_run_depends_on_the_seed_alone(self):
        for name, more in (("tip_adapter_f", ("--set", "data.workers=3")), ("lp_plus_plus", ("--set", "data.workers=3"))):
            self.check_ok(train(name, self.tmp / name, *more))
            self.assertEqual(checkpoint(self.tmp / name), checkpoint(shared[name]))
            self.check_ok(train(name, self.tmp / "other", "--force", "--seed", 2))
            self.assertNotEqual(checkpoint(self.tmp / "other"), checkpoint(shared[name]))

    def test_cached_views_are_another_setting(self):
        self.check_ok(train("tip_adapter_f", self.tmp / "run", "--set", "views.fresh=false"))
        step = json.loads((self.tmp / "run/log.jsonl").read_text())
        self.assertEqual(step["images"], 10 * N)
        self.assertNotEqual(checkpoint(self.tmp / "run"), checkpoint(shared["tip_adapter_f"]))

    def test_a_page_tells_a_cache_from_one_with_trained_keys(self):
        runs = [shared["tip_adapter"], shared["tip_adapter_f"], self.tmp / "cached"]
        self.check_ok(train("tip_adapter_f", runs[2], "--set", "views.fresh=false"))
        for path in runs:
            self.check_ok(run("eval", "--run", path, "--threads", 1))
        self.check_ok(run("report", *runs, "--out", self.tmp / "page.html"))
        names = re.findall(r'<i class="swatch c\d"></i>([^<]*)', (self.tmp / "page.html").read_text(encoding="utf-8"))
        self.assertEqual(list(dict.fromkeys(names))[:3], ["Tip-Adapter", "Tip-Adapter-F", "Tip-Adapter-F (cached views)"])

    def test_a_finished_run_is_left_as_it_is(self):
        before = checkpoint(shared["tip_adapter"])
        result = self.check_ok(run("train", "--resume", "--out", shared["tip_adapter"]))
        self.assertIn("this run is finished: nothing to do", result.err)
        self.assertEqual(checkpoint(shared["tip_adapter"]), before)

    def test_a_dry_run_writes_nothing(self):
        result = self.check_ok(train("tip_adapter_f", self.tmp / "run", "--dry-run"))
        self.assertIn("fit      to features of 30 augmented views of each image; 15 validation images", result.err)
        self.assertFalse((self.tmp / "run").exists())

    def test_an_interrupted_fit_saves_nothing_and_begins_again(self):
        command = words(*train_words("tip_adapter", self.tmp / "run", "--set", "views.count=1000"))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not (line := process.stderr.read1()) or b"view " not in line:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        self.assertRegex(err.decode().splitlines()[-1],
                         r"prompt: stopped after step 0 of 1; continue with: prompt train --resume --out .*run")
        self.assertFalse((self.tmp / "run/checkpoint.safetensors").exists())
        self.check_ok(run("train", "--resume", "--out", self.tmp / "run", timeout=600))
        self.assertTrue((self.tmp / "run/checkpoint.safetensors").exists())


class Classes(harness.Case):
    def test_a_probe_does_not_compare_trained_with_other_classes(self):
        for name in ("linear_probe", "lp_plus_plus"):
            pattern = (rf"method {name} knows %d of these %d classes from its training, and cannot compare them with the "
                       "others: evaluate either alone")
            self.check_error(run("eval", "--run", shared[name], "--threads", 1, "--classes", "all"), 2, pattern % (5, 10))
            picture = next(shared["data"].images.rglob("*.png"))
            self.check_error(run("predict", "--run", shared[name], "--class-names", "apple,zebra", picture), 2, pattern % (1, 2))

    def test_the_cache_of_tip_adapter_adds_to_trained_classes(self):
        result = self.check_ok(run("eval", "--run", shared["tip_adapter"], "--threads", 1, "--classes", "all"))
        self.assertTrue(result.out.splitlines()[1].endswith("  CLIP's logits of 5 classes"))

    def test_pictures_are_predicted_among_the_trained_classes(self):
        pictures = sorted((shared["data"].images / "c2").glob("*.png"))[:3]
        out = self.check_ok(run("predict", "--run", shared["linear_probe"], "--threads", 1, *pictures)).out
        self.assertIn("cup", out)  # two of the three are of its training


class Refused(harness.Case):
    def test_a_cache_of_other_weights(self):
        other = harness.make_model(self.tmp / "other.safetensors", seed=3)
        self.check_error(run("eval", "--run", shared["tip_adapter"], "--model", other), 2,
                         r"'.*other\.safetensors' is another model than the run was trained with \(SHA-256 .*\)")

    def test_a_search_without_validation_images(self):
        bare = shared["data"].copy(self.tmp / "data")
        bare.split["val"] = []
        bare.write_split()
        for name, setting in (("linear_probe", r"linear_probe\.inverse_penalty, for CLIP's authors 0\.316"),
                              ("tip_adapter", r"tip_adapter\.alpha, tip_adapter\.beta and tip_adapter\.alpha_max=0")):
            self.check_error(train(name, self.tmp / name, data=bare), 2,
                             rf"method {name} is fitted with the help of validation images, but there are none: set {setting}")
            self.assertFalse((self.tmp / name).exists())
        for name, words in (("linear_probe", ("--set", "linear_probe.inverse_penalty=0.316")), ("lp_plus_plus", ()),
                            ("tip_adapter", ("--set", "tip_adapter.alpha_max=0"))):
            self.check_ok(train(name, self.tmp / name, *words, data=bare))
        fitted = json.loads((self.tmp / "lp_plus_plus/log.jsonl").read_text())["fit"]
        self.assertEqual(fitted, {"iteration": 300})

    def test_a_picture_that_cannot_be_read_even_if_others_may_be_left_out(self):
        broken = shared["data"].copy(self.tmp / "data")
        for path in broken.images.glob("c0/*.png"):
            path.write_bytes(b"nothing")
        for name in ("linear_probe", "lp_plus_plus"):
            self.check_error(train(name, self.tmp / name, "--set", "data.skip_bad_images=true", "--set",
                                   "training.check_images=0", data=broken), 1, r"cannot decode '.*c0/image_.*\.png': no known image format, .*")
            self.assertFalse((self.tmp / name / "checkpoint.safetensors").exists())

    def test_what_a_fit_does_not_have(self):
        config = ("--config", CONFIGS / "base2new/linear_probe.json", "--model", shared["model"])
        self.check_error(run("eval", "--untrained", *config, "--data", shared["data"].root, "--dataset", "caltech101"), 2,
                         "--untrained: method 'linear_probe' has nothing to evaluate before it is fitted")
        self.check_error(run("bench", *config), 2, "method linear_probe is fitted to features: it has no step to time")
        self.check_error(run("features", "--run", shared["linear_probe"], "--of", "classifier", "--out", self.tmp / "x.npy"), 2,
                         "method 'linear_probe' has no classifier of text features")


if __name__ == "__main__":
    harness.main()
