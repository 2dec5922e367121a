"""The methods against the independent implementations in tests/reference, all cases, and the recorded values made again.

All of it from one recording, which also shows that every case can tell its switch from the default, and rests on safe
choices. In fp32 the logits of a first batch err by up to 4.4e-5 against fp64, and changes after 10 steps by up to 2.0e-5 of
each tensor's largest (2026-11, all cases): well below the least margin asked for and the least difference. Normalized
features err by some 2e-7, less than what an L1 term's differences are from 0, where its gradient jumps.

Run with the parity environment: PROMPT_TOOLS is the folder that holds test_method.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import peers  # noqa: F401  before the libraries
import torch
from open_clip import OPENAI_IMAGENET_TEMPLATES

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "reference"))

from record import record, train_case  # noqa: E402
from cases import CASES, Case, make_world  # noqa: E402
from prompt_reference import Training  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402

RECORDED = TESTS / "golden" / "recorded"


def difference(one: Training, other: Training) -> float:
    """The largest difference of one tensor's change, relative to that tensor's largest change in `other`."""
    return max((float((change - other.changes[name]).abs().max() / other.changes[name].abs().max())
               for name, change in one.changes.items()
               if name in other.changes and change.shape == other.changes[name].shape), default=float("inf"))


class TemplateTest(unittest.TestCase):
    def test_promptsrcs_sixty_are_among_clips_eighty(self) -> None:
        source = (TESTS.parent / "src/methods/agreement_templates.c").read_text(encoding="utf-8")
        own = set(re.findall(r'^    "(.*)",$', source, re.M))
        self.assertEqual(len(own), 60)
        self.assertLessEqual(own, {template("{}") for template in OPENAI_IMAGENET_TEMPLATES})


class MethodTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.folder = tempfile.TemporaryDirectory()
        cls.trainings = record(Path(cls.folder.name), list(CASES))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def test_every_case_agrees(self) -> None:
        tool = Path(os.environ["PROMPT_TOOLS"]) / "test_method"
        done = subprocess.run([tool, self.folder.name], capture_output=True, text=True)
        print(done.stdout, done.stderr, sep="")
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"{2 * (len(CASES) + 2)} cases, 0 failed", done.stdout)  # with both encoders; the ensembles are two

    def test_switches_differ_and_picks_are_safe(self) -> None:
        world = make_world()
        firsts: dict[object, Case] = {}  # of each method
        defaults: dict[tuple[object, int], Training] = {}  # the first case of each method, from each start
        self.assertEqual(self.trainings.keys(), {name for name, case in CASES.items() if case.config.iterations})
        for name, training in self.trainings.items():
            with self.subTest(case=name):
                case = CASES[name]
                method = case.keys["method"]
                first = firsts.setdefault(method, case)
                if (method, case.seed) not in defaults:
                    defaults[method, case.seed] = (
                        training if case is first else train_case(world, replace(first, seed=case.seed)))
                gap = difference(training, defaults[method, case.seed])
                print(f"{name:36} difference {gap:8.4f}  first loss {float(training.losses[0]):8.4f}"
                      f"  last {float(training.losses[-1]):8.4f}  margin {training.margin:.1e}", flush=True)
                if case is not first:
                    self.assertGreater(gap, 1e-2)
                if method == "prompt" and case.config.vision_generator:  # else no choice matters
                    self.assertGreater(training.margin, 5e-4)
                self.assertGreater(training.kink, 1e-6)

    def test_recorded_values_come_out_again(self) -> None:
        n_numbers = 0
        recorded = sorted(path.stem for path in RECORDED.glob("*.safetensors"))
        self.assertLessEqual({"model", "world", "default", "cocoop", "coop_middle_of_five", "vpt"}, set(recorded))
        for name in recorded:
            old, _ = read_safetensors(RECORDED / f"{name}.safetensors")
            new, _ = read_safetensors(Path(self.folder.name) / f"{name}.safetensors")
            self.assertEqual(old.keys(), new.keys())
            for key, value in old.items():
                self.assertEqual(value.shape, new[key].shape, f"{name}: {key}")
                if value.numel() == 0:  # the picks of a method without a filter
                    continue
                made, value = new[key].double(), value.double()
                # margins are infinite without a filter
                self.assertTrue(torch.equal(made.isfinite(), value.isfinite()), f"{name}: {key}")
                made, value = made[value.isfinite()], value[value.isfinite()]
                if value.numel() == 0:
                    continue
                size = max(float(value.abs().max()), 1e-12)
                self.assertLessEqual(float((made - value).abs().max()) / size, 1e-5, f"{name}: {key}")
                n_numbers += value.numel()
        print(f"{n_numbers} recorded numbers made again")
        self.assertGreater(n_numbers, 100_000)


if __name__ == "__main__":
    unittest.main()
