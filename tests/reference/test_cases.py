"""Checks that every case can tell its switch from the default, and rests on safe choices: python test_cases.py (a minute)

In fp32 the logits of a first batch err by up to 4.4e-5 against fp64, and changes after 10 steps by up to 2.0e-5 of each
tensor's largest (2026-11, all cases): well below the least margin asked for and the least difference. Normalized features
err by some 2e-7, less than what an L1 term's differences are from 0, where its gradient jumps.
"""

import unittest
from dataclasses import replace

import torch

from cases import CASES, Case, case_batches, case_tensors, make_world
from prompt_reference import Config, Training, train

WORLD = make_world()


def run(case: Case) -> Training:
    return train(WORLD.clip, case.config, WORLD.task, case_tensors(WORLD, case), WORLD.pixels, WORLD.labels,
                 case_batches(case), method=case.forward)


def difference(one: Training, other: Training) -> float:
    """The largest difference of one tensor's change, relative to that tensor's largest change in `other`."""
    return max((float((change - other.changes[name]).abs().max() / other.changes[name].abs().max())
               for name, change in one.changes.items()
               if name in other.changes and change.shape == other.changes[name].shape), default=float("inf"))


class CasesTest(unittest.TestCase):
    def test_switches_differ_and_picks_are_safe(self) -> None:
        firsts: dict[object, Case] = {}  # of each method
        defaults: dict[tuple[object, int], Training] = {}  # the first case of each method, from each start
        for name, case in CASES.items():
            if case.config.iterations == 0:
                continue
            with self.subTest(case=name):
                training = run(case)
                method = case.keys["method"]
                first = firsts.setdefault(method, case)
                if (method, case.seed) not in defaults:
                    defaults[method, case.seed] = training if case is first else run(replace(first, seed=case.seed))
                gap = difference(training, defaults[method, case.seed])
                print(f"{name:36} difference {gap:8.4f}  first loss {float(training.losses[0]):8.4f}"
                      f"  last {float(training.losses[-1]):8.4f}  margin {training.margin:.1e}", flush=True)
                if case is not first:
                    self.assertGreater(gap, 1e-2)
                if method == "prompt" and case.config.vision_generator:  # else no choice matters
                    self.assertGreater(training.margin, 5e-4)
                self.assertGreater(training.kink, 1e-6)

    def test_starts_agree_wherever_shapes_do(self) -> None:
        default = case_tensors(WORLD, CASES["default"])
        same_words = Case({"generator_input": "raw", "vision_prompt.generator": False})
        for name, tensor in case_tensors(WORLD, same_words).items():
            self.assertTrue(torch.equal(tensor, default[name]), name)

    def test_an_unknown_key_is_an_error(self) -> None:
        with self.assertRaises(KeyError):
            Config.from_keys({"iteration": 2})


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
