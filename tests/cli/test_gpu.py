#!/usr/bin/env python3
"""The program on a CUDA device: the same numbers as on the CPU up to rounding, fp16 by itself, resume, pre-training, timing."""

import json
import pathlib
import sys
import tempfile
import unittest

import harness
from harness import CONFIGS, run

MINI = CONFIGS / "mini"
SET = "oxford_flowers"
STEPS = 20
MOVING = ("--set", "training.warmup_epochs=0", "--set", "training.lr=0.01")  # without them these steps move next to nothing
METHODS = ("prompt", "coop", "cocoop", "vpt")

shared = {}


def setUpModule():
    if "cuda (" not in run("--version").out:
        print("skipped: no CUDA device")
        sys.exit(77)
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["world"] = pathlib.Path(folder.name) / "world"
    if run("data", "synth", shared["world"], "--layouts", SET).status != 0:
        sys.exit("the world cannot be drawn")


def train(method, out, *more):
    return run("train", "--config", MINI / f"{method}.json", "--model", MINI / "mini.safetensors", "--data", shared["world"],
               "--dataset", SET, "--seed", 1, "--threads", 1, "--out", out, *MOVING, *more)


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


class Gpu(harness.Case):
    def accuracies(self, out, *more):
        self.check_ok(run("eval", "--run", out, "--json", self.tmp / "r.json", "--threads", 1, *more))
        return [record["accuracy_per_iteration"] for record in json.loads((self.tmp / "r.json").read_text())["records"]]

    def test_losses_are_the_cpus(self):
        for method in METHODS:
            with self.subTest(method=method):
                for device in ("cpu", "cuda"):
                    self.check_ok(train(method, self.tmp / f"{method}-{device}", "--device", device, "--precision", "fp32",
                                        "--max-steps", STEPS))
                want, got = losses(self.tmp / f"{method}-cpu"), losses(self.tmp / f"{method}-cuda")
                self.assertEqual(len(got), STEPS)
                for step in range(STEPS):
                    self.assertAlmostEqual(got[step], want[step], delta=5e-3 * max(1.0, want[step]), msg=f"step {step + 1}")

    def test_a_run_of_the_cpu_is_evaluated_to_the_same(self):
        self.check_ok(train("prompt", self.tmp / "run", "--device", "cpu", "--max-steps", STEPS))
        on_cpu = self.accuracies(self.tmp / "run", "--device", "cpu")
        for precision, most in (("fp32", 0.01), ("fp16", 0.03), ("bf16", 0.05)):
            on_gpu = self.accuracies(self.tmp / "run", "--device", "cuda", "--precision", precision)
            for want, got in zip(on_cpu, on_gpu, strict=True):
                for a, b in zip(want, got, strict=True):
                    self.assertAlmostEqual(a, b, delta=most, msg=precision)

    def test_by_itself_it_takes_the_device_and_fp16(self):
        out = self.tmp / "run"
        self.check_ok(train("prompt", out, "--max-steps", 10))
        resolved = json.loads((out / "config.json").read_text())
        self.assertEqual(resolved["precision"], "fp16")
        self.check_ok(run("train", "--resume", "--out", out, "--max-steps", 20))
        self.assertEqual(len(losses(out)), 20)
        self.check_ok(train("prompt", self.tmp / "whole", "--max-steps", 20))
        for got, want in zip(losses(out), losses(self.tmp / "whole"), strict=True):
            self.assertAlmostEqual(got, want, delta=0.02 * max(1.0, want))

    def test_pretraining(self):
        small = [word for key, value in {"batch_size": 32, "validation_pairs": 32, "steps": 4, "warmup_steps": 2,
                                         "full_steps": 2, "validation_steps": 2, "checkpoint_steps": 4}.items()
                 for word in ("--set", f"pretrain.{key}={value}")]
        found = {}
        for device in ("cpu", "cuda"):
            out = self.tmp / device
            self.check_ok(run("pretrain", "--config", MINI / "pretrain.json", *small, "--threads", 1, "--device", device, "--out", out))
            found[device] = [record["loss"] for record in map(json.loads, (out / "log.jsonl").read_text().splitlines())
                             if "loss" in record]
        self.assertEqual(len(found["cuda"]), 4)
        for got, want in zip(found["cuda"], found["cpu"], strict=True):
            self.assertAlmostEqual(got, want, delta=0.02 * want)

    def test_a_step_reads_the_device_once(self):
        names = self.tmp / "names.txt"
        names.write_text("red tulip\nblue tulip\nred rose\nblue rose\n")
        done = self.check_ok(run("bench", "--model", MINI / "mini.safetensors", "--classes-file", names, "--batch", 4, "--repeats", 2,
                                 "--set", "vision_prompt.depth=4", "--json"))
        points = json.loads(done.out)["points"]
        self.assertEqual([(p["mode"], p["precision"]) for p in points], [("train", "fp16"), ("eval", "fp16")])
        for p in points:
            self.assertEqual(p["device_reads_per_step"], 1, p["mode"])


if __name__ == "__main__":
    harness.main()
