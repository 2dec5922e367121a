#!/usr/bin/env python3
"""Memory of a training: it does not grow with the steps, the estimate printed before the first step holds, and so does the
key memory_budget_mib."""

import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import harness
from harness import SmallData, train_words

STEPS, WARM_UP = 500, 200
# Measured over 1,500 steps: 163,060 KiB after 100, 163,292 after 200, 163,340 after 1,500. The bound is 1 KiB a step.
MAX_GROWTH_KIB = 256
MOST_OF_FILES_KIB = 120 * 1024  # that libtorch's CPU build maps
MAX_RATIO = 1.25       # of estimate and measurement, either way

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    shared["data"] = SmallData(root / "data", names=[f"thing number {i}" for i in range(40)], n_train=2, n_val=1, n_test=1)
    shared["model"] = harness.make_model(root / "tiny.safetensors")


def small_words(out):
    return train_words(shared["data"], shared["model"], out)


def many_words(preset, n_classes, out):
    """`prompt train` with as many classes, of the same picture."""
    folder = shared["data"].root / f"many-{n_classes}"
    if not folder.exists():
        folder.mkdir()
        (folder / "picture.png").write_bytes(harness.picture(0, 0))
        rows = [f"picture.png,{k},thing number {k},{part}\n" for part in ("train", "test") for k in range(n_classes)]
        (folder / "list.csv").write_text("path,label,name,split\n" + "".join(rows))
    return ("train", "--config", harness.CONFIGS / f"base2new/{preset}.json", "--data", folder, "--dataset", "csv", "--model",
            shared["model"], "--threads", 1, "--out", out, *(word for key in (
                "data.split_file=" + str(folder / "list.csv"), f"model.merges={harness.merges()}", "data.classes=all",
                "data.shots=1", "context.depth=3", "vision_prompt.depth=3", "training.batch_size=4", "data.cache_mib=0",
                "agreement.templates=captions", "store.dir=off") for word in ("--set", key)))


def status_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as stream:
        match = re.search(rf"^{field}:\s+(\d+) kB", stream.read(), re.MULTILINE)
    return int(match[1]) if match else None


class Memory(harness.Case):
    def follow(self, *more, words=small_words):
        """Trains as `words` says; [(steps done, resident KiB, their peak)] while it goes on, the messages, and the records of
        the steps. Pages of files count as far as a CPU build of libtorch maps them: CUDA's maps hundreds of MiB, more or
        fewer from run to run."""
        out = self.tmp / f"run{len(list(self.tmp.iterdir()))}"
        command = harness.words(*words(out), "--set", "training.check_images=0", *more)
        samples = []
        with tempfile.TemporaryFile() as err, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=err) as process:
            while process.poll() is None:
                time.sleep(0.02)
                try:
                    n = (out / "log.jsonl").read_bytes().count(b"\n")
                    anonymous, of_files, peak = (status_kib(process.pid, f) for f in ("RssAnon", "RssFile", "VmHWM"))
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if None not in (anonymous, of_files, peak):  # else it has ended
                    samples.append((n, anonymous, peak - max(of_files - MOST_OF_FILES_KIB, 0)))
            err.seek(0)
            text = err.read().decode()
        self.assertEqual(process.returncode, 0, text)
        records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        return samples, text, records

    def test_does_not_grow_with_the_steps(self):
        n_epochs = STEPS // 5  # 20 base classes of one image, batches of 4
        samples, _, _ = self.follow("--set", "data.shots=1", "--set", f"training.epochs={n_epochs}")
        early = [rss for n, rss, _ in samples if WARM_UP <= n < WARM_UP + 60]
        late = [rss for n, rss, _ in samples if n >= STEPS - 60]
        self.assertGreaterEqual(min(len(early), len(late)), 5, "too few samples")
        growth = max(late) - max(early)
        print(f"resident, without files: {max(early)} KiB at steps {WARM_UP} to {WARM_UP + 60}, {max(late)} KiB at the last 60 of {STEPS}: "
              f"{growth:+} KiB", flush=True)
        self.assertLessEqual(growth, MAX_GROWTH_KIB)

    def measure_many(self, method, n_classes, *more):
        """Peak KiB, the messages and the records, of two steps."""
        samples, err, records = self.follow("--max-steps", 2, *more, words=lambda out: many_words(method, n_classes, out))
        return max(hwm for *_, hwm in samples), err, records

    def measure(self, batch_size, *more):
        """The same of three steps of all methods' batches."""
        samples, err, records = self.follow("--set", f"training.batch_size={batch_size}", "--set", "data.shots=2", "--set",
                                            "training.epochs=2", "--max-steps", 2, *more)
        return max(hwm for *_, hwm in samples), err, records

    def estimated(self, err):
        """GiB: in all, model, text side, image side."""
        parts = re.search(r"about (\d+\.\d+) GiB: model (\d+\.\d+), text side (\d+\.\d+).*, image side (\d+\.\d+)", err)
        return [float(text) for text in parts.groups()]

    def peak(self, batch_size, *more):
        hwm, err, _ = self.measure(batch_size, "--set", "data.cache_mib=0", *more)
        return hwm, self.estimated(err)

    def test_budget_bounds_the_peak_and_changes_no_number(self):
        settings = (64, "--set", "data.classes=all", "--set", "iterations=3")
        free, err, want = self.measure(*settings)
        self.assertNotIn("computed again", err)
        total, _, text, _ = self.estimated(err)
        budget = int(1024 * (total - text / 2))
        bounded, err, got = self.measure(*settings, "--set", f"memory_budget_mib={budget}")
        self.assertRegex(err, r"\(\d+ % of it computed again\)")
        self.assertNotIn("more than the budget", err)
        print(f"peak {free / 1024:.0f} MiB without a budget, {bounded / 1024:.0f} with one of {budget}", flush=True)
        self.assertLessEqual(bounded / 1024, budget)
        self.assertLess(bounded, free - 1024 * 1024 * text / 4)  # half of it was to go
        for record, other in zip(want, got, strict=True):
            for loss, again in zip(record["losses"], other["losses"], strict=True):
                self.assertAlmostEqual(loss, again, delta=1e-5 * abs(loss))

    def test_estimate_of_the_activations(self):
        """Batches of 64 and of 4: what both have (libtorch, the model, threads) falls out of the difference."""
        all_classes = ("--set", "data.classes=all")
        for name, more in (("text side", (*all_classes, "--set", "iterations=3")),
                           ("image side", (*all_classes, "--set", "text_prompt.generator=false", "--set", "iterations=8"))):
            with self.subTest(name):
                small, small_parts = self.peak(4, *more)
                large, large_parts = self.peak(64, *more)
                measured = (large - small) / 2**20
                estimated = large_parts[0] - small_parts[0]
                print(f"{name}: batch 4 {small / 1024:.0f} MiB, batch 64 {large / 1024:.0f} MiB; difference measured "
                      f"{measured:.3f} GiB, estimated {estimated:.3f} GiB", flush=True)
                self.assertLess(max(measured / estimated, estimated / measured), MAX_RATIO)

    def test_many_classes_of_methods_with_deep_prompts(self):
        """2,000 and 20,000 classes, whose texts do not depend on the image; and a budget for half of what they keep."""
        for method in ("maple", "promptsrc"):
            with self.subTest(method):
                small, err, _ = self.measure_many(method, 2000)
                small_total = self.estimated(err)[0]
                large, err, want = self.measure_many(method, 20000)
                total, _, text, _ = self.estimated(err)
                measured, estimated = (large - small) / 2**20, total - small_total
                print(f"{method}: 2,000 classes {small / 1024:.0f} MiB, 20,000 classes {large / 1024:.0f} MiB; difference "
                      f"measured {measured:.3f} GiB, estimated {estimated:.3f} GiB", flush=True)
                self.assertLess(max(measured / estimated, estimated / measured), MAX_RATIO)
                budget = int(1024 * (total - text / 2))
                bounded, err, got = self.measure_many(method, 20000, "--set", f"memory_budget_mib={budget}")
                self.assertRegex(err, r"\(\d+ % of it computed again\)")
                print(f"peak {bounded / 1024:.0f} MiB with a budget of {budget}", flush=True)
                self.assertLessEqual(bounded / 1024, 1.02 * budget)
                self.assertLess(bounded, large - 1024 * 1024 * text / 4)
                for record, other in zip(want, got, strict=True):
                    self.assertAlmostEqual(record["loss"], other["loss"], delta=1e-5 * record["loss"])


if __name__ == "__main__":
    harness.merges()
    harness.main()
