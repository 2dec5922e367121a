"""Checks of what record_family.py writes: python tests/reference/test_family.py"""

import tempfile
import unittest
from pathlib import Path

import torch
from torch import Tensor

from cases import make_world
from lora_reference import LoraConfig, TwoStageConfig, lora_forward, lora_initial_tensors, norm_tensors, stage_one_forward
from record_family import LORA_SEED, expected_lp, expected_tip, feature_world, record_family, trained
from safetensors_file import read_safetensors


def in_double(arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.double() if t.is_floating_point() else t for name, t in arrays.items()}


class FamilyTest(unittest.TestCase):
    def check(self, single: dict[str, Tensor], double: dict[str, Tensor]) -> None:
        """Within 5e-5 of each array's largest number."""
        for name, value in double.items():
            size = max(float(value.double().abs().max()), 1e-12)
            self.assertLess(float((single[name].double() - value.double()).abs().max()) / size, 5e-5, name)

    def test_single_precision_gives_the_same(self) -> None:
        world, features = make_world(), feature_world()
        for expected in (expected_lp, expected_tip):
            self.check(expected(features), expected(in_double(features)))
        tensors = lora_initial_tensors(world.clip, LoraConfig(), LORA_SEED, b_std=0.1)
        for method, config, start in ((lora_forward, LoraConfig(), tensors),
                                      (stage_one_forward, TwoStageConfig(), norm_tensors(world.clip))):
            self.check(trained(world, method, config, start)[0], trained(world, method, config, in_double(start))[0])

    def test_files_are_complete_and_the_choices_no_accident(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            record_family(Path(out))
            features, lora, stages = (read_safetensors(Path(out) / f"{name}.safetensors")[0]
                                      for name in ("features", "clip_lora", "two_stage"))
        rounds = features["probe.rounds"]
        self.assertTrue(bool((rounds[:, 2] < rounds[:, 3]).any()) and bool((rounds[:, 2] > rounds[:, 3]).any()))
        self.assertGreater(int(features["lp.best_iteration"]), 10)
        self.assertLess(int(features["lp.best_iteration"]), 300)
        beta, alpha, _ = features["tip.found"].tolist()
        self.assertTrue(0.1 < beta < 11.9 and 0.1 < alpha < 375)
        self.assertGreater(float((lora["dropout.logits"] - lora["logits"]).abs().max()), 0.1)
        for arrays, prefix in ((lora, ""), (stages, ""), (stages, "stage_two.")):
            self.assertLess(float(arrays[f"{prefix}rates"][-1]), 1e-4)
            names = [name for name in arrays if name.startswith(f"{prefix}change/")]
            self.assertTrue(names and all(bool(arrays[name].any()) for name in names))
        self.assertEqual(stages["selective.rows"].tolist(), [-1, 1, 2, -1, 4, 5, -1, 7, 8, -1, 10, 11])


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
